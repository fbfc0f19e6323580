"""`env` of `langgraph.json`: from a file or written out, set for as long as the project is open."""

from pathlib import Path

import pytest

from toolcrib.core.errors import ProjectInvalid
from toolcrib.loader.cold.environment import declared, set_declared, with_declared


@pytest.mark.parametrize(
    ("langgraph", "found"),
    [
        (None, {}),
        ("{", {}),
        ("[]", {}),
        ('{"graphs": {}}', {}),
        ('{"env": {"A": "1", "B": ""}}', {"A": "1", "B": ""}),
        ('{"env": "./conf/.env"}', {"A": "one two", "B": "2", "C": "one two!"}),
    ],
)
def test_the_variables_are_those_that_env_names(tmp_path: Path, langgraph: str | None, found: object) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / ".env").write_text("# keys\nA='one two'\nexport B=2 # two\nC=${A}!\nD\n")
    if langgraph is not None:
        (tmp_path / "langgraph.json").write_text(langgraph)
    assert declared(tmp_path) == found


@pytest.mark.parametrize(
    ("env", "message", "column"),
    [
        ('".env"', "the file '.env' of `env` cannot be read: No such file", 9),
        ('"binary"', "the file 'binary' of `env` is not UTF-8", 9),
        ("[1]", "`env` must be text or an object", 9),
        ('{"A": 1}', "the value of 'A' must be text", 15),
        ('{"A=": "1"}', "'A=' cannot be set as a variable", 16),
    ],
)
def test_a_mistake_is_told_at_its_place(tmp_path: Path, env: str, message: str, column: int) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "langgraph.json").write_text(f'{{"env": {env}}}')
    with pytest.raises(ProjectInvalid) as refused:
        declared(tmp_path)
    (reason,) = refused.value.reasons
    assert message in reason.message
    assert (reason.file, reason.line, reason.column) == ("langgraph.json", 1, column)
    assert reason.hint


def test_what_is_set_already_counts_more_and_the_rest_is_taken_back(tmp_path: Path) -> None:
    (tmp_path / "langgraph.json").write_text('{"env": {"A": "new", "B": "new", "C": "new"}}')
    env = {"A": "old"}
    assert with_declared(tmp_path, env) == {"A": "old", "B": "new", "C": "new"}
    with set_declared(tmp_path, env):
        assert env == {"A": "old", "B": "new", "C": "new"}
        env["C"] = "changed since"
    assert env == {"A": "old", "C": "changed since"}

"""What a serving process leaves of its start, and what others make of it."""

import stat
from pathlib import Path

import pytest

from toolcrib.core.releases import ColdChange
from toolcrib.loader.cold.facts import INSTALLED, Facts, read_facts
from toolcrib.loader.cold.started import NAME, leave, recall, restart_needed, take_back

FACTS: Facts = {
    ("environment", ".env", ""): "1",
    ("dependencies", INSTALLED, "langgraph"): "1.2",
}
NOW: Facts = {("dependencies", INSTALLED, "langgraph"): "1.3"}


def test_another_process_compares_with_what_the_serving_one_took(tmp_path: Path) -> None:
    state = tmp_path / ".toolcrib"
    state.mkdir()
    leave(state, read_facts(tmp_path, env={}, before={}), token="1")
    assert restart_needed(tmp_path, state, env={}) == ()
    (tmp_path / ".env").write_text("KEY=1")
    assert restart_needed(tmp_path, state, env={}) == (ColdChange(kind="environment", file=".env"),)
    take_back(state, token="1")
    assert restart_needed(tmp_path, state, env={}) == ()
    assert list(state.iterdir()) == []


def test_packages_are_those_of_the_process_that_asks(tmp_path: Path) -> None:
    """It may stand in another environment."""
    leave(tmp_path, FACTS, token="1")
    assert recall(tmp_path, NOW) == {("environment", ".env", ""): "1", **NOW}


def test_the_newest_start_counts_and_only_its_process_takes_it_back(tmp_path: Path) -> None:
    """A rolling restart: the new process starts before the old one ends."""
    leave(tmp_path, {}, token="old")
    leave(tmp_path, FACTS, token="new")
    take_back(tmp_path, token="old")
    assert ("environment", ".env", "") in recall(tmp_path, NOW)
    take_back(tmp_path, token="new")
    take_back(tmp_path, token="new")
    assert recall(tmp_path, NOW) == NOW


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"facts": [1]}', '{"facts": [["a"]]}', "\ud800"])
def test_what_makes_no_sense_counts_as_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_bytes(text.encode("utf-8", "surrogatepass"))
    assert recall(tmp_path, NOW) == NOW
    take_back(tmp_path, token="1")


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    leave(tmp_path, FACTS, token="1")
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600

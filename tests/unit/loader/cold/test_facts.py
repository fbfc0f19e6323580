"""What a process takes from a project once: what counts as a change of it, and what does not."""

import os
import sysconfig
from pathlib import Path

import pytest

from toolcrib.core.releases import ColdChange, ColdKind
from toolcrib.loader.cold.facts import INSTALLED, cold_changes, read_facts

PYPROJECT = """
[project]
name = "shop"
version = "{version}"
requires-python = "{python}"
dependencies = {dependencies}
[dependency-groups]
dev = ["{dev}"]
"""


def pyproject(version: str = "1", python: str = ">=3.11", dependencies: str = '["httpx"]', dev: str = "ruff") -> str:
    return PYPROJECT.format(version=version, python=python, dependencies=dependencies, dev=dev)


def write(root: Path, files: dict[str, str | None]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.unlink()
        else:
            path.write_text(text)


def changed(root: Path, before: dict[str, str | None], after: dict[str, str | None]) -> list[tuple[ColdKind, str, str]]:
    """What needs a restart of a process that was started before: kind, file and items."""
    write(root, before)
    started = read_facts(root, env={"PORT": "2025"}, before={})
    write(root, after)
    found = cold_changes(started, read_facts(root, env={"PORT": "2025"}, before=started))
    return [(change.kind, change.file, " ".join(change.items)) for change in found]


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({"toolcrib.yaml": "server: {port: 1}"}, {"toolcrib.yaml": "server: {port: 2}"}, "server.port"),
        ({"toolcrib.yaml": "server: {port: 1}"}, {"toolcrib.yaml": None}, "server.port"),
        ({}, {"toolcrib.yml": "runs: {concurrency: 3}\nwatch: {poll_s: 9}"}, "runs.concurrency watch.poll_s"),
        ({}, {"toolcrib.yaml": "server: {port: '${env:PORT}'}"}, "server.port"),
    ],
)
def test_a_changed_setting_is_named(
    tmp_path: Path, before: dict[str, str | None], after: dict[str, str | None], found: str
) -> None:
    assert changed(tmp_path, before, after) == [("settings", "toolcrib.yaml", found)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"toolcrib.yaml": ""}),
        ({}, {"toolcrib.yaml": "server: {port: 2024}\nverify: {timeout_s: 30}"}),
        ({"toolcrib.yaml": "server: {port: 1}"}, {"toolcrib.yaml": "# a port\nserver:\n  port: 1"}),
        ({"toolcrib.yaml": "server: {port: 1}"}, {"toolcrib.yaml": None, "toolcrib.yml": "server: {port: 1}"}),
        ({"toolcrib.yaml": "server: {port: 2025}"}, {"toolcrib.yaml": "server: {port: '${env:PORT}'}"}),
    ],
)
def test_settings_that_come_to_the_same_are_no_change(
    tmp_path: Path, before: dict[str, str | None], after: dict[str, str | None]
) -> None:
    assert changed(tmp_path, before, after) == []


@pytest.mark.parametrize("mistake", ["server: {port: x}", "server: [", "- 1", "nonsense: 1", "port: ${env:NONE}"])
def test_settings_with_mistakes_are_left_to_the_gate(tmp_path: Path, mistake: str) -> None:
    assert changed(tmp_path, {"toolcrib.yaml": "server: {port: 1}"}, {"toolcrib.yaml": mistake}) == []


@pytest.mark.parametrize(
    ("file", "before", "after", "found"),
    [
        ("requirements.txt", "httpx==1\n", "httpx==2\n", ("dependencies", "")),
        ("requirements-dev.txt", None, "ruff\n", ("dependencies", "")),
        ("requirements.txt", "httpx\n", None, ("dependencies", "")),
        ("uv.lock", "1", "2", ("dependencies", "")),
        ("poetry.lock", "1", "2", ("dependencies", "")),
        ("pyproject.toml", pyproject(), pyproject(dependencies="[]"), ("dependencies", "project.dependencies")),
        ("pyproject.toml", pyproject(), pyproject(dev="mypy"), ("dependencies", "dependency-groups")),
        ("pyproject.toml", pyproject(), pyproject(python=">=3.12"), ("python", "project.requires-python")),
        (".python-version", "3.11\n", "3.12\n", ("python", "")),
        ("langgraph.json", '{"python_version": "3.11"}', '{"python_version": "3.12"}', ("python", "python_version")),
        ("langgraph.json", '{"dependencies": ["."]}', '{"dependencies": [".", "x"]}', ("dependencies", "dependencies")),
        ("langgraph.json", "{}", '{"env": ".env"}', ("environment", "env")),
        (".env", "A=1", "A=2", ("environment", "")),
        ("langgraph.json", '{"env": {"A": "1"}}', '{"env": {"A": "2"}}', ("environment", "env")),
    ],
)  # fmt: skip
def test_what_the_environment_is_made_of_is_named(
    tmp_path: Path, file: str, before: str | None, after: str | None, found: tuple[str, str]
) -> None:
    start: dict[str, str | None] = {} if before is None else {file: before}
    assert changed(tmp_path, start, {file: after}) == [(found[0], file, found[1])]


def test_the_file_that_langgraph_json_names_is_part_of_the_environment(tmp_path: Path) -> None:
    start: dict[str, str | None] = {"langgraph.json": '{"env": "prod.env"}', "prod.env": "A=1"}
    assert changed(tmp_path, start, {"prod.env": "A=2"}) == [("environment", "langgraph.json", "prod.env")]


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("requirements.txt", "httpx\nrich\n", "# for the web\nrich\n\nhttpx  # HTTP\n"),
        ("pyproject.toml", pyproject(), pyproject(version="2") + "\n[tool.ruff]\nline-length = 100\n"),
        ("pyproject.toml", None, "[tool.ruff]\n"),
        ("pyproject.toml", pyproject(), "not toml"),
        ("langgraph.json", '{"graphs": {}}', '{"graphs": {"a": "graphs/a.py:graph"}}'),
        ("langgraph.json", '{"dependencies": ["."]}', "{"),
        ("langgraph.json", "{}", "[]"),
        (".env", "A=1\n", "# a key\nA=1\n"),
        ("setup.cfg", "1", "2"),
        ("tools/requirements.txt", "a", "b"),
    ],
)
def test_what_changes_nothing_in_the_environment_is_no_change(
    tmp_path: Path, file: str, before: str | None, after: str
) -> None:
    assert changed(tmp_path, {} if before is None else {file: before}, {file: after}) == []


@pytest.mark.parametrize("name", ["fast.so", "tools/fast.cpython-311-x86_64-linux-gnu.so", "lib/fast.pyd"])
def test_compiled_code_in_the_project_counts(tmp_path: Path, name: str) -> None:
    assert changed(tmp_path, {}, {name: "1"}) == [("compiled", name, "")]
    assert changed(tmp_path, {}, {name: "2 longer"}) == [("compiled", name, "")]
    assert changed(tmp_path, {}, {}) == []
    assert changed(tmp_path, {}, {name: None}) == [("compiled", name, "")]


def test_compiled_code_of_a_virtual_environment_does_not_count(tmp_path: Path) -> None:
    write(tmp_path, {"venv/pyvenv.cfg": ""})
    assert changed(tmp_path, {}, {"venv/lib/x.so": "", "node_modules/x.so": "", ".cache/x.so": ""}) == []


def test_a_package_that_is_installed_upgraded_or_removed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "site-packages"
    place.mkdir()
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(place))
    for name in ("rich-14.0", "httpx-0.27.0", "gone-1"):
        (place / f"{name}.dist-info").mkdir()
    started = read_facts(tmp_path, env={}, before={})
    (place / "httpx-0.27.0.dist-info").rename(place / "httpx-0.28.1.dist-info")
    (place / "gone-1.dist-info").rmdir()
    (place / "new_one-2.dist-info").mkdir()
    (change,) = cold_changes(started, read_facts(tmp_path, env={}, before={}))
    assert change == ColdChange(kind="dependencies", file=INSTALLED, items=("gone", "httpx", "new_one"))


def test_a_project_that_is_away_has_facts_too(tmp_path: Path) -> None:
    assert {fact[1] for fact in read_facts(tmp_path / "none", env={}, before={})} == {INSTALLED}


def test_a_file_that_cannot_be_read_says_what_it_said(tmp_path: Path) -> None:
    write(tmp_path, {".env": "A=1", "requirements.txt": "httpx"})
    started = read_facts(tmp_path, env={}, before={})
    (tmp_path / ".env").write_bytes(b"\xff")
    (tmp_path / "requirements.txt").unlink()
    (tmp_path / "requirements.txt").mkdir()
    assert cold_changes(started, read_facts(tmp_path, env={}, before=started)) == ()


def test_values_are_not_kept_in_plain(tmp_path: Path) -> None:
    write(tmp_path, {".env": "KEY=hunter2", "toolcrib.yaml": "server: {host: hunter2}"})
    assert "hunter2" not in str(read_facts(tmp_path, env=os.environ, before={}))

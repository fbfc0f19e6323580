"""What a process takes from a project once, when it starts, and how it differs by now."""

import hashlib
import json
import os
import stat
import sysconfig
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from toolcrib.core.releases import ColdChange, ColdKind
from toolcrib.core.settings import Settings
from toolcrib.loader.bundle import project_files
from toolcrib.loader.config import SETTINGS, read_config
from toolcrib.loader.reading.langgraph_json import LANGGRAPH

INSTALLED = "installed packages"
COMPILED_SUFFIXES = (".so", ".pyd", ".dylib")
_LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml")

Fact = tuple[ColdKind, str, str]
"""Kind, file, item within the file."""
Facts = Mapping[Fact, str]
"""Fact -> digest of its value: values may be secret."""
_Said = Iterator[tuple[ColdKind, str, object]]


def read_facts(root: Path, *, env: Mapping[str, str], before: Facts) -> dict[Fact, str]:
    """What a process that starts now would take from the project.

    Args:
        root: the project's directory.
        env: environment for `${env:NAME}` and `${secret:NAME}`.
        before: what is assumed of a file that cannot be read or understood at present: the gate tells of its mistakes.
    """
    facts: dict[Fact, str] = {}
    for file, read in _readers(root, env):
        try:
            said = [(kind, item, value) for kind, item, value in read(root / file) if value is not None]
            found = {(kind, file, item): _digest(value) for kind, item, value in said}
        except (OSError, ValueError):
            found = {fact: value for fact, value in before.items() if fact[1] == file}
        facts |= found
    for path in project_files(root, lambda name: name.endswith(COMPILED_SUFFIXES)):
        facts["compiled", path.relative_to(root).as_posix(), ""] = _stamp(path)
    return facts | {("dependencies", INSTALLED, name): version for name, version in _installed()}


def cold_changes(before: Facts, after: Facts) -> tuple[ColdChange, ...]:
    """What differs, one entry for each file, sorted."""
    found: dict[tuple[ColdKind, str], list[str]] = {}
    for kind, file, item in sorted(before.keys() | after.keys()):
        if before.get((kind, file, item)) != after.get((kind, file, item)):
            found.setdefault((kind, file), []).append(item)
    return tuple(ColdChange(kind=kind, file=file, items=tuple(filter(None, found[kind, file]))) for kind, file in found)


def _readers(root: Path, env: Mapping[str, str]) -> Iterator[tuple[str, Callable[[Path], _Said]]]:
    """File -> what reads its facts. A file that is not there has none, but for the settings: they have defaults."""
    there = set(_listing(root))
    spelt = SETTINGS if SETTINGS in there else SETTINGS.replace(".yaml", ".yml")
    yield SETTINGS, lambda _: _settings(root / spelt, env)
    requirements = (name for name in there if name.startswith("requirements") and name.endswith(".txt"))
    texts: dict[str, ColdKind] = dict.fromkeys(sorted(requirements), "dependencies")
    texts |= {".env": "environment", ".python-version": "python"}
    for name in there & texts.keys():
        yield name, lambda path, kind=texts[name]: iter([(kind, "", _lines(path))])  # type: ignore[misc]  # bound early
    for name in there.intersection(_LOCKS):
        yield name, lambda path: iter([("dependencies", "", hashlib.sha256(path.read_bytes()).hexdigest())])
    for name, read in (("pyproject.toml", _pyproject), (LANGGRAPH, _langgraph)):
        if name in there:
            yield name, read


def _settings(path: Path, env: Mapping[str, str]) -> _Said:
    """The settings that are not the default, by their dotted names."""
    files = {path.name: path.read_bytes()} if os.path.exists(path) else {}
    config, reasons = read_config(files, env=env)
    if reasons:
        raise ValueError(path.name)
    usual = dict(_leaves(Settings().model_dump(mode="json")))
    for name, value in _leaves(config.settings.model_dump(mode="json")):
        if name not in usual or usual[name] != value:
            yield "settings", name, value


def _pyproject(path: Path) -> _Said:
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    project = data.get("project", {})
    for name in ("dependencies", "optional-dependencies"):
        yield "dependencies", f"project.{name}", project.get(name)
    yield "dependencies", "dependency-groups", data.get("dependency-groups")
    yield "python", "project.requires-python", project.get("requires-python")


def _langgraph(path: Path) -> _Said:
    data = json.loads(path.read_bytes())
    if not isinstance(data, dict):
        raise ValueError(path.name)
    yield "dependencies", "dependencies", data.get("dependencies")
    yield "python", "python_version", data.get("python_version")
    env = data.get("env")
    yield "environment", "env", env
    if isinstance(env, str) and env != ".env":
        yield "environment", env, _lines(path.parent / env)


def _lines(path: Path) -> list[str]:
    """The lines that say something: no comments, no empty ones."""
    lines = (line.partition(" #")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return sorted(line for line in lines if line and not line.startswith("#"))


def _leaves(data: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, object]]:
    """The values of nested mappings by their dotted names."""
    for key, value in data.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _installed() -> Iterator[tuple[str, str]]:
    """The packages of this environment and their versions, as the names of their directories tell."""
    for place in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for entry in _listing(Path(place)):
            if entry.endswith(".dist-info"):
                name, _, version = entry.removesuffix(".dist-info").partition("-")
                yield name, version


def _listing(directory: Path) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []


def _stamp(path: Path) -> str:
    """What changes when a file is written anew; compiled code is too large to be hashed again and again."""
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ino}" if stat.S_ISREG(status.st_mode) else ""


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]

"""Migrations of saved state: the files under `migrations/`, read into one chain for each agent."""

import ast
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from toolcrib.core.compat.migrations import Migration
from toolcrib.core.names import did_you_mean
from toolcrib.core.reasons import Reason
from toolcrib.loader.blame import whole_line
from toolcrib.loader.discover import ToolModule
from toolcrib.loader.modules import SourceFile

CODE = "migration"
_FORM = 'agent = "support"; nodes = {"former": "now"}; def up(state: dict) -> dict'


def is_migration_file(path: str) -> bool:
    """Whether a file holds a migration: any `*.py` under `migrations/`, unless it or a folder begins with `_`."""
    parts = path.split("/")
    return parts[0] == "migrations" and path.endswith(".py") and not any(part.startswith("_") for part in parts)


def read_migrations(
    load: Callable[[str], ToolModule | None], *, files: Mapping[str, SourceFile], agents: Iterable[str]
) -> tuple[Mapping[str, tuple[Migration, ...]], list[Reason]]:
    """The chain of each agent, the oldest migration first, and everything wrong with them.

    Args:
        load: the module in a file; None when it does not load, which is told of elsewhere.
        files: `__file__` -> source file, of the whole project.
        agents: names of the agents there are.
    """
    found: dict[str, list[Migration]] = {}
    reasons: list[Reason] = []
    known, whole = frozenset(agents), True
    for path in sorted(file.path for file in files.values() if is_migration_file(file.path)):
        if (loaded := load(path)) is None:
            whole = False
            continue
        migration, mistakes = _read(loaded, files, known)
        reasons += mistakes
        if not mistakes:
            found.setdefault(migration.agent, []).append(migration)
    if reasons or not whole:  # a chain with holes that are only the mistakes' is not judged
        return MappingProxyType({}), reasons
    chains: dict[str, tuple[Migration, ...]] = {}
    for agent, each in found.items():
        mistakes = list(_chain_mistakes(each, files))
        reasons += mistakes
        if not mistakes:
            chains[agent] = _in_order(each)
            if lost := [one for one in each if one not in chains[agent]]:
                names = " and ".join(repr(one.revision) for one in lost)
                place = whole_line(files, lost[0].file, _lines(lost[0].file, files).get("replaces", 1))
                reasons.append(replace(place, code=CODE, message=f"{names} replace each other in a circle"))
    return MappingProxyType(chains), reasons


def _read(
    loaded: ToolModule, files: Mapping[str, SourceFile], agents: frozenset[str]
) -> tuple[Migration, list[Reason]]:
    """One file's migration, and what is wrong with it."""
    names, lines = vars(loaded.module), _lines(loaded.path, files)
    reasons: list[Reason] = []

    def wrong(name: str, message: str, hint: str = "") -> None:
        place = whole_line(files, loaded.path, lines.get(name, 1))
        reasons.append(replace(place, code=CODE, message=message, hint=hint))

    texts = {name: _text(names, name, default, wrong) for name, default in _defaults(loaded.path).items()}
    if texts["agent"] and texts["agent"] not in agents:
        wrong("agent", f"there is no agent {texts['agent']!r}", did_you_mean(texts["agent"], agents))
    nodes = names.get("nodes", {})
    if not isinstance(nodes, Mapping) or not all(isinstance(one, str) for pair in nodes.items() for one in pair):
        wrong("nodes", "`nodes` must be a mapping of texts", 'Write `nodes = {"former": "now"}`.')
        nodes = {}
    if len(set(nodes.values())) < len(nodes):
        wrong("nodes", "two nodes become the same one: there would be no way back", "Keep one node for each.")
    for name in ("up", "down"):
        if problem := _misfit(names.get(name)):
            wrong(name, f"`{name}` {problem}", f"Write `def {name}(state: dict) -> dict`.")
    up, down = names.get("up"), names.get("down")
    if up is None and (down is not None or not nodes):
        wrong("up", "the migration changes nothing: it has neither `up` nor `nodes`", f"Write {_FORM}.")
    line = lines.get("up", lines.get("nodes", 1))
    return Migration(**texts, nodes=dict(nodes), up=up, down=down, file=loaded.path, line=line), reasons


def _defaults(path: str) -> dict[str, str]:
    return {"agent": "", "revision": path.rpartition("/")[2].removesuffix(".py"), "replaces": ""}


def _text(names: Mapping[str, Any], name: str, default: str, wrong: Callable[[str, str, str], None]) -> str:
    """One of the texts of a migration; empty when there is something wrong with it."""
    value: object = names.get(name, default)
    if not isinstance(value, str):
        wrong(name, f"{name!r} must be a text, not {type(value).__name__}", "")
        return ""
    if not value and name != "replaces":
        wrong(name, f"the migration says no {name!r}", f"A migration is a file like: {_FORM}.")
    return value


def _misfit(function: Any) -> str:
    """What is wrong with `up` or `down`; empty when it is left out or fits."""
    if function is None:
        return ""
    if not inspect.isfunction(function):
        return f"must be a function, not {type(function).__name__}"
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        return "must be a plain function: it only changes what it is given"
    try:
        inspect.signature(function).bind({})
    except TypeError as error:
        return f"is called with the state alone: {error}"
    return ""


def _chain_mistakes(each: list[Migration], files: Mapping[str, SourceFile]) -> Iterator[Reason]:
    """Two with one name, two after the same one, one after none that is there, or no first one."""
    by_name: dict[str, Migration] = {}
    followers: dict[str, Migration] = {}
    for one in each:
        place = whole_line(files, one.file, _lines(one.file, files).get("replaces", 1))
        if other := by_name.get(one.revision):
            message = f"revision {one.revision!r} of agent {one.agent!r} is there twice: here and in {other.file}"
            yield replace(place, code=CODE, message=message, hint='Give one of them another `revision = "..."`.')
            continue
        by_name[one.revision] = one
        if other := followers.get(one.replaces):
            after = f"come after {one.replaces!r}" if one.replaces else "are the first"
            message = f"two migrations of agent {one.agent!r} {after}: this one and {other.file}"
            hint = f'Put them one after the other: `replaces = "{other.revision}"`.'
            yield replace(place, code=CODE, message=message, hint=hint)
        followers.setdefault(one.replaces, one)
    names = [one.revision for one in each]
    for one in each:
        if one.replaces and one.replaces not in by_name:
            place = whole_line(files, one.file, _lines(one.file, files).get("replaces", 1))
            message = f"migration {one.revision!r} replaces {one.replaces!r}, which is not there"
            yield replace(place, code=CODE, message=message, hint=did_you_mean(one.replaces, names))
    if "" not in followers:
        place = whole_line(files, each[0].file, 1)
        message = f"none of the migrations of agent {each[0].agent!r} is the first"
        yield replace(place, code=CODE, message=message, hint="Take `replaces` away from the oldest one.")


def _in_order(each: list[Migration]) -> tuple[Migration, ...]:
    """From the first, each after the one it replaces."""
    followers = {one.replaces: one for one in each}
    chain: list[Migration] = []
    after = ""
    while (one := followers.get(after)) is not None:
        chain.append(one)
        after = one.revision
    return tuple(chain)


def _lines(path: str, files: Mapping[str, SourceFile]) -> dict[str, int]:
    """Line of each name that stands at the top of a file."""
    source = next(file.source for file in files.values() if file.path == path)
    lines: dict[str, int] = {}
    for node in ast.parse(source).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines[node.name] = node.lineno
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        lines |= {target.id: node.lineno for target in targets if isinstance(target, ast.Name)}
    return lines

"""`langgraph.json`: its graphs as agents, where the modules of its dependencies begin, which packages it wants."""

import importlib.metadata
import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from toolcrib.core.agents import AgentSpec
from toolcrib.core.reasons import Reason
from toolcrib.loader.reading.interpolation import Interpolated
from toolcrib.loader.reading.mistakes import Reading, wrong_type
from toolcrib.loader.reading.named import GRAPH_FORM, NAMED, agent_name, graph_reasons, normal, not_a_mapping
from toolcrib.loader.reading.places import MAX_REASONS
from toolcrib.loader.reading.yaml_source import Document, Path

LANGGRAPH = "langgraph.json"
SOURCES = "src"
_MODULE = re.compile(r"(?P<module>[^\W\d]\w*(\.[^\W\d]\w*)*):(?P<name>[^\W\d]\w*)")


def langgraph_agents(
    document: Document, yaml: Document, files: Mapping[str, bytes], reasons: list[Reason]
) -> dict[str, AgentSpec]:
    """The graphs of `langgraph.json` as agents.

    Args:
        document: the file.
        yaml: `agents.yaml`, whose agents may not be there a second time.
        files: path -> bytes of every file of the project.
        reasons: gets everything that is wrong.
    """
    if document.data is not None and not isinstance(document.data, dict):
        reasons.append(not_a_mapping(document, "Begin with `{`."))
        return {}
    graphs = (document.data or {}).get("graphs")
    if not isinstance(graphs, dict):
        if graphs is not None:
            reasons.append(wrong_type(_plain(document), ("graphs",), NAMED))
        return {}
    taken = (yaml.data.get("agents") if isinstance(yaml.data, dict) else None) or {}
    agents: dict[str, AgentSpec] = {}
    for name, value in graphs.items():
        wrong = [*agent_name(document, ("graphs", name)), *_graph_value(document, name, value, files)]
        if isinstance(taken, dict) and name in taken:
            message = f"agent {name!r} is in {yaml.file} too"
            hint = "Remove it from one of the two files, or rename it."
            wrong.append(document.reason("duplicate_agent", message, path=("graphs", name), hint=hint, at="key"))
        reasons += wrong
        if not wrong:
            graph, said = (value, "") if isinstance(value, str) else (value["path"], value.get("description"))
            description = said.encode("utf-8", "replace").decode() if isinstance(said, str) else ""
            place = normal(_by_path(graph, files))
            agents[name] = AgentSpec(kind="graph", graph=place, description=description)
        if len(reasons) >= MAX_REASONS:
            break
    return agents


def module_roots(files: Mapping[str, bytes]) -> tuple[str, ...]:
    """The folders, `/` separated, in which top names of modules are looked for behind the project's directory itself.

    `src/` is one, and so is each local dependency of `langgraph.json`, with its `src/`. One that is a package itself is
    found by its own name: the folder around it is meant.
    """
    found: list[str] = []
    for wanted in (".", *(one for one in _dependencies(_loose(files)) if one.startswith("."))):
        folder = posixpath.normpath(wanted)
        if f"{folder}/__init__.py" in files:
            folder = posixpath.dirname(folder)
        inner = posixpath.normpath(posixpath.join(folder, SOURCES))
        found += [folder, *([inner] if f"{inner}/__init__.py" not in files else [])]
    within = (one for one in dict.fromkeys(found) if one not in ("", ".") and not one.startswith(".."))
    return tuple(one for one in within if any(path.startswith(f"{one}/") for path in files))


def unmet_dependencies(document: Document, files: Mapping[str, bytes]) -> list[Reason]:
    """Why `dependencies` of `langgraph.json` are not met by this environment; a folder outside is left to imports."""
    wanted = document.data.get("dependencies") if isinstance(document.data, dict) else None
    if wanted is None:
        return []
    if not isinstance(wanted, list):
        return [wrong_type(_plain(document), ("dependencies",), 'must be a list, e.g. [".", "httpx>=0.28"]')]
    found: list[Reason] = []
    for index, text in enumerate(wanted):
        path: Path = ("dependencies", index)
        if not isinstance(text, str):
            found.append(wrong_type(_plain(document), path, "must be text"))
        elif text.startswith("."):
            folder = posixpath.normpath(text)
            if folder != "." and not folder.startswith("..") and not any(one.startswith(f"{folder}/") for one in files):
                message = f"there is no Python file in {text!r}"
                hint = "Write the folder of a package of this project, beginning with `./`; `.` is the project."
                found.append(document.reason("dependency", message, path=path, hint=hint))
        elif problem := _unmet(text):
            message, hint = problem
            found.append(document.reason("dependency", message, path=path, hint=hint))
    return found


def _unmet(text: str) -> tuple[str, str] | None:
    """What is wrong with a requirement, and what to do; None when it is installed."""
    try:
        wanted = Requirement(text)
    except InvalidRequirement:
        return f"{text!r} is no requirement", "Write a package (`httpx>=0.28`) or a folder of this project (`./src`)."
    if wanted.marker is not None and not wanted.marker.evaluate():
        return None
    hint = f"pip install '{text}', and restart."
    try:
        version = importlib.metadata.version(wanted.name)
    except importlib.metadata.PackageNotFoundError:
        return f"{wanted.name!r} is not installed", hint
    if not wanted.specifier.contains(version, prereleases=True):
        return f"{wanted.name} {version} is installed, and {str(wanted.specifier)!r} is wanted", hint
    return None


def _by_path(graph: str, files: Mapping[str, bytes]) -> str:
    """`package.module:name` as `path/file.py:name` when the project has the module; else as it is written."""
    match = _MODULE.fullmatch(graph.strip())
    if match is None:
        return graph
    stem = match["module"].replace(".", "/")
    places = (posixpath.join(root, stem) for root in ("", *module_roots(files)))
    paths = (f"{place}{end}" for place in places for end in (".py", "/__init__.py"))
    return next((f"{path}:{match['name']}" for path in paths if path in files), graph)


def _graph_value(document: Document, name: str, value: Any, files: Mapping[str, bytes]) -> Iterator[Reason]:
    path: Path = ("graphs", name)
    if isinstance(value, dict) and "path" in value:
        path, value = (*path, "path"), value["path"]
    if not isinstance(value, str):
        message = f"graph {name!r} must be text, or an object with `path`"
        yield document.reason("wrong_type", message, path=path, hint=GRAPH_FORM)
        return
    place = _by_path(value, files)
    if (match := _MODULE.fullmatch(place.strip())) and match["module"].rpartition(".")[2] != "py":
        message = f"module {match['module']!r} is not in this project"
        hint = f"Of an installed package: write graphs/graph.py with `from {match['module']} import {match['name']}`."
        yield document.reason("graph_missing", message, path=path, hint=hint)
        return
    yield from graph_reasons(document, path, place, value, files)


def _plain(document: Document) -> Reading:
    """The file as it is written: it has no `${…}`."""
    empty = Interpolated(data=document.data, filled=frozenset(), failed=frozenset(), reasons=())
    return Reading(document=document, values=empty)


def _loose(files: Mapping[str, bytes]) -> Any:
    """The file's data, None when it cannot be read: of its mistakes `langgraph_agents` tells."""
    try:
        return json.loads(files.get(LANGGRAPH, b"null"))
    except (ValueError, RecursionError):
        return None


def _dependencies(data: Any) -> list[str]:
    wanted = data.get("dependencies") if isinstance(data, dict) else None
    return [one for one in wanted if isinstance(one, str)] if isinstance(wanted, list) else []

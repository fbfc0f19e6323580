"""What names of agents, and of functions and graphs in files of the project, have to look like."""

import posixpath
import re
from collections.abc import Iterator, Mapping

from toolcrib.core.models import FUNCTION
from toolcrib.core.names import did_you_mean
from toolcrib.core.reasons import Reason
from toolcrib.loader.reading.yaml_source import Document, Path

NAMED = "must be a mapping of names (`name: {…}`)"
GRAPH_FORM = "Write path/file.py:variable, e.g. graphs/triage.py:graph."
_AGENT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


def not_a_mapping(document: Document, hint: str) -> Reason:
    """Why a file whose top is no mapping cannot be read."""
    message = f"{document.file} must hold a mapping (`key: value`) at its top"
    return document.reason("not_a_mapping", message, path=(), hint=hint)


def agent_name(document: Document, path: Path) -> Iterator[Reason]:
    """Whether the key at `path` may be the name of an agent."""
    if not _AGENT_NAME.fullmatch(str(path[1])):
        message = f"{str(path[1])[:80]!r} cannot be the name of an agent"
        hint = "A name begins with a letter and has letters, digits, `_` and `-`, at most 64 in all."
        yield document.reason("agent_name", message, path=path, hint=hint, at="key")


def graph_reasons(
    document: Document, path: Path, graph: str, written: str, files: Mapping[str, bytes]
) -> Iterator[Reason]:
    """Whether `graph` has its form and its file is there; messages show it as `written`."""
    match = FUNCTION.fullmatch(normal(graph))
    if match is None:
        message = f"{written[:80]!r} does not name a graph of this project"
        yield document.reason("graph_form", message, path=path, hint=GRAPH_FORM)
    else:
        yield from file_reasons(document, path, match.string, written, files)


def file_reasons(
    document: Document, path: Path, named: str, written: str, files: Mapping[str, bytes]
) -> Iterator[Reason]:
    """Whether the file of `path/file.py:variable` is there."""
    file = named.rpartition(":")[0]
    if file not in files:
        message = f"{(written.rpartition(':')[0] or written)!r} is not in this project"
        hint = did_you_mean(file, (one for one in files if one.endswith(".py")))
        code = "route_missing" if path[-1] == "route" else "graph_missing"
        yield document.reason(code, message, path=path, hint=hint)


def normal(graph: str) -> str:
    """The graph's path without `./`."""
    path, colon, name = graph.strip().rpartition(":")
    return f"{posixpath.normpath(path)}:{name}" if path and colon else graph.strip()

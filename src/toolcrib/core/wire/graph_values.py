"""Values that tools return to LangGraph, not to a model: known by name, because only `agents` knows LangGraph."""

from typing import Any


def is_for_graph(value: Any) -> bool:
    """Whether a tool returned what LangGraph itself acts on: `Command` and `ToolMessage`, one or several.

    Such a value belongs to one call and is no text: it is not given to other callers, nor cut.
    """
    if isinstance(value, list):
        return bool(value) and all(_is_theirs(type(one)) for one in value)
    return _is_theirs(type(value))


_FOR_GRAPH = frozenset({"Command", "ToolMessage"})


def _is_theirs(kind: type) -> bool:
    return kind.__name__ in _FOR_GRAPH and kind.__module__.partition(".")[0] in ("langgraph", "langchain_core")

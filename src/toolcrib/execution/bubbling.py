"""LangGraph's control flow, which crosses a chain untouched: what is raised, and what is returned."""

from typing import Any


def is_bubble_up(error: BaseException) -> bool:
    """Whether `error` is a `GraphBubbleUp` (an interrupt, a parent's command), which is no failure.

    It is known by the name of its class, because this room does not know LangGraph:
    https://docs.langchain.com/oss/python/langgraph.
    """
    return any(kind.__name__ == "GraphBubbleUp" for kind in type(error).__mro__)


def is_for_graph(value: Any) -> bool:
    """Whether a tool returned what LangGraph itself acts on: `Command` and `ToolMessage`, one or several.

    Such a value belongs to one call and is no text: it is not given to other callers, nor cut. Known by name, as above.
    """
    several = value if isinstance(value, list) else (value,)
    return bool(several) and all(type(one).__name__ in _FOR_GRAPH and _is_theirs(type(one)) for one in several)


_FOR_GRAPH = frozenset({"Command", "ToolMessage"})


def _is_theirs(kind: type) -> bool:
    return kind.__module__.partition(".")[0] in ("langgraph", "langchain_core")

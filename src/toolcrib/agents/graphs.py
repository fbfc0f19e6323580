"""Graphs of the project's own: what `graphs/file.py:name` may be, and how it becomes runnable."""

import inspect
from collections.abc import Mapping
from typing import Any

from langgraph.graph import StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.pregel import Pregel

from toolcrib.agents.messages import run_input
from toolcrib.core.errors import InputInvalid

MOST_KEYS = 20


class GraphError(Exception):
    """The object a graph agent names cannot be run; the message says why."""


def compile_graph(value: Any, *, checkpointer: Any, name: str) -> Pregel[Any, Any, Any, Any]:
    """A compiled graph from a compiled graph, a `StateGraph`, or a function without required arguments that makes one.

    A checkpointer the author compiled in is kept; otherwise ours is put in.

    Raises:
        GraphError: it is none of these, or it does not compile.
    """
    if inspect.iscoroutinefunction(value):
        raise GraphError("an async factory is not supported here; make it a plain function")
    if inspect.isfunction(value):
        value = _call(value)
    if isinstance(value, StateGraph):
        try:
            return value.compile(checkpointer=checkpointer, name=name)
        except ValueError as error:
            raise GraphError(f"the graph does not compile: {error}") from error
    if isinstance(value, Pregel):
        return value if value.checkpointer is not None else value.copy(update={"checkpointer": checkpointer})
    raise GraphError(
        f"expected a StateGraph, a compiled graph or a function that makes one, not {type(value).__name__}"
    )


def refuse_misfit(graph: Any, name: str, question: Any) -> None:
    """See that the graph can take the question, as far as its state tells before it runs.

    Raises:
        InputInvalid: its state has none of the keys that are given.
    """
    given = run_input(question)
    if not isinstance(graph, CompiledStateGraph) or not isinstance(given, Mapping) or not given:
        return
    keys = graph.builder.schemas[graph.builder.input_schema]
    if "__root__" in keys or keys.keys() & given.keys():
        return
    mapping = isinstance(question, Mapping)
    raise InputInvalid(
        f"The input of agent {name!r} has no key of its graph's state."
        if mapping
        else f"Agent {name!r} takes no text: the state of its graph has no `messages`.",
        hint=f"Give its state as `input`, on the command line as --input JSON, with keys of: {_listed(list(keys))}.",
    )


def _listed(keys: list[str]) -> str:
    return ", ".join(keys[:MOST_KEYS]) + (", …" if len(keys) > MOST_KEYS else "")


def _call(factory: Any) -> Any:
    required = [
        p.name
        for p in inspect.signature(factory).parameters.values()
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]
    if len(required) > 1:
        raise GraphError(f"the factory needs arguments: {', '.join(required)}; one `config` at most is given")
    try:
        return factory({"configurable": {}}) if required else factory()
    except Exception as error:  # outer guard: project code
        raise GraphError(f"the factory raised {type(error).__name__}: {error}") from error

"""Graphs of the project's own: what `graphs/file.py:name` may be, and how it becomes runnable."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from langchain_core.messages import convert_to_messages
from langchain_core.runnables import RunnableConfig
from langgraph.graph import StateGraph
from langgraph.graph.message import add_messages
from langgraph.graph.state import CompiledStateGraph
from langgraph.pregel import Pregel

from toolcrib.agents.messages import run_input
from toolcrib.agents.own_factories import Factory, GraphError, factory_of, first_made
from toolcrib.core.errors import InputInvalid
from toolcrib.core.results import said

MOST_KEYS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnGraph:
    """A graph of the project's own, compiled.

    Attributes:
        graph: serves all runs; where the factory is called for each run, it tells what they all look like.
        per_run: a run's config -> the graph for it, for as long as it runs; None where `graph` serves all.
    """

    graph: Pregel[Any, Any, Any, Any]
    per_run: Callable[[RunnableConfig], AbstractAsyncContextManager[Any]] | None = None


def own_graph(value: Any, *, checkpointer: Any, name: str) -> OwnGraph:
    """What an agent runs that names this object: a graph, or a factory of one.

    Raises:
        GraphError: it is neither, or it fails.
    """
    take = partial(compile_graph, checkpointer=checkpointer, name=name)
    factory = factory_of(value)
    if factory is None:
        return OwnGraph(graph=take(value))
    graph, for_all = first_made(factory, take)
    return OwnGraph(graph=graph, per_run=None if for_all else partial(_opened, factory, take))


def compile_graph(value: Any, *, checkpointer: Any, name: str) -> Pregel[Any, Any, Any, Any]:
    """A compiled graph from a compiled graph or a `StateGraph`.

    A checkpointer the author compiled in is kept; otherwise ours is put in.

    Raises:
        GraphError: it is none of these, or it does not compile.
    """
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


@asynccontextmanager
async def _opened(factory: Factory, take: Callable[[Any], Any], config: RunnableConfig) -> AsyncIterator[Any]:
    async with factory.opened(config) as made:
        yield take(made)


def refuse_misfit(graph: Any, name: str, question: Any) -> None:
    """See that the graph can take the question, as far as its state tells before it runs.

    Raises:
        InputInvalid: its state has none of the keys that are given, or its messages cannot be read.
    """
    given = run_input(question)
    if not isinstance(graph, CompiledStateGraph) or not given:
        return
    keys = graph.builder.schemas[graph.builder.input_schema]
    if "__root__" in keys or not isinstance(given, Mapping | int | float | bytes):  # an object may be a whole state
        return
    if isinstance(given, Mapping) and keys.keys() & given.keys():
        _refuse_unread(keys, given, name)
        return
    message = f"The input of agent {name!r} has no key of its graph's state."
    if not isinstance(given, Mapping):
        message = f"Agent {name!r} takes a question, messages or the state of its graph, not {question!r}."
    elif not isinstance(question, Mapping):
        message = f"Agent {name!r} takes no text: the state of its graph has no `messages`."
    hint = f"Give its state as `input`, on the command line as --input JSON, with keys of: {_listed(list(keys))}."
    raise InputInvalid(message, hint=hint)


def _refuse_unread(keys: Mapping[str, Any], given: Mapping[str, Any], name: str) -> None:
    """See that what LangGraph will read as messages are some.

    Raises:
        InputInvalid: they are not.
    """
    for key in (key for key in given if getattr(keys.get(key), "operator", None) is add_messages):
        messages = given[key] if isinstance(given[key], list) else [given[key]]
        try:
            convert_to_messages(messages)
        except (TypeError, ValueError, NotImplementedError, KeyError) as error:
            raise InputInvalid(
                f"Agent {name!r} cannot read `{key}` as messages: {said(error).partition(chr(10))[0]}",
                hint='A message is a text, or `{"role": "user", "content": "…"}`.',
            ) from error


def _listed(keys: list[str]) -> str:
    return ", ".join(keys[:MOST_KEYS]) + (", …" if len(keys) > MOST_KEYS else "")

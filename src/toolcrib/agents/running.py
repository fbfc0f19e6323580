"""One turn of an agent's graph: from a question, or a human's answer, to its outcome."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langgraph.config import get_config
from langgraph.errors import GraphDrained, GraphRecursionError
from langgraph.runtime import RunControl, get_runtime
from langgraph.types import Command, StateSnapshot

from toolcrib.agents.live.meter import metered
from toolcrib.agents.messages import answer_text, run_input, seen, told
from toolcrib.agents.nodes import NodeWatch
from toolcrib.agents.react.pieces import AnswerPieces
from toolcrib.agents.scope import SCOPE_KEY, RunScope
from toolcrib.agents.state.migration import RELEASE, REVISION
from toolcrib.core.agents import Agent, StreamMode
from toolcrib.core.errors import InputInvalid, IterationLimit, RunCut, StateUnreadable
from toolcrib.core.results import jsonable, said

_READ = "__pregel_read"
"""Key in `config["configurable"]` of the function with which LangGraph's nodes read channels, its second argument."""
_RESUME, _NO_TASK = "__resume__", "00000000-0000-0000-0000-000000000000"
"""Channel and task under which LangGraph saves the answer that a graph is resumed with."""
_SAID = frozenset({"messages", "custom"})
RUN = "toolcrib_run"
"""Metadata of a checkpoint: the run that wrote it."""
ASKED_TIER = "toolcrib_asked_tier"
"""Metadata of a checkpoint: the tier of models that the run's caller asked for."""


class TurnControl(RunControl):
    """Stops one turn before its next step, with all that is saved: `request_drain(reason)`."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one turn begins with.

    Attributes:
        question: see `agents.messages.run_input`; not looked at when `resume` is given.
        resume: the answer the graph waits for.
        thread: the thread's key in the checkpointer.
        streaming: tell pieces of the model's text as they come.
        modes: what else of LangGraph's stream is told, as events of these names.
        control: stops it.
        goes_on: the turn was stopped before, and goes on where it was; neither question nor answer is looked at.
    """

    question: Any
    resume: Any
    thread: str
    streaming: bool
    modes: frozenset[StreamMode] = frozenset()
    control: TurnControl = field(default_factory=TurnControl)
    goes_on: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a turn ended: with an output, waiting for a human (`interrupts`, JSON values) in some nodes, or stopped.

    Attributes:
        from_cache: the output was known before.
    """

    output: Any = None
    interrupts: tuple[Any, ...] = ()
    paused_at: tuple[str, ...] = ()
    stopped: bool = False
    from_cache: bool = False


async def take_turn(agent: Agent, turn: Turn, scope: RunScope) -> Outcome:
    """Run the agent's graph, pinned by `scope`, until it ends, waits for a human, or was asked to stop.

    Raises:
        IterationLimit: the graph took too many steps.
        StateUnreadable: the release has no class for what is saved, or could not find the class again.
        Exception: whatever a node raises.
    """
    config = _config(agent, turn, scope)
    given = Command(resume=turn.resume) if turn.resume is not None else run_input(turn.question)
    if turn.goes_on:
        saved = await agent.graph.aget_state(config)
        if (waits := await _not_begun(agent, saved, scope.run_id)) is not None:
            return waits
        given = None
        config = _config(agent, turn, replace(scope, tier=(saved.metadata or {}).get(ASKED_TIER)))
    modes = [*({"values", "tasks"} | turn.modes), *(_SAID if turn.streaming else ())]
    state: Any = None
    waiting: tuple[Any, ...] = ()
    nodes = NodeWatch(scope)
    heard = AnswerPieces().told if agent.spec.kind == "react" else told
    try:
        # `sync`: a step begins when the checkpoint before it is written; after a crash it makes the same calls again
        how = {"stream_mode": modes, "durability": "sync", "control": turn.control}
        inside = _SAID | turn.modes if turn.streaming and agent.spec.kind == "graph" else frozenset()
        async with metered(agent, scope) as more, _graph_for(agent, config) as graph:
            async for place, mode, chunk in _chunks(graph, given, config | more, how, inside=inside):
                if mode == "values" and not place:  # a question comes in a chunk of its own, not always the last one
                    waiting += tuple(chunk.get("__interrupt__", ())) if isinstance(chunk, Mapping) else ()
                    state = chunk
                elif mode == "tasks" and not place:
                    nodes.see(chunk)
                data = seen(mode, chunk, scope.thread_id) if mode in turn.modes else heard(mode, chunk)
                if data:
                    scope.notify(data[0], {**data[1], "subgraph": place} if place else data[1])
    except StateUnreadable as error:
        message = f"Thread {scope.thread_id!r} cannot go on with release {scope.release.id}: {error.message}."
        raise StateUnreadable(message, hint=error.hint) from error
    except GraphDrained:
        return Outcome(stopped=True)
    except GraphRecursionError as error:
        raise IterationLimit(str(error).partition("\n")[0]) from error
    return _outcome(state, waiting, nodes.paused_at)


def _graph_for(agent: Agent, config: RunnableConfig) -> AbstractAsyncContextManager[Any]:
    return nullcontext(agent.graph) if agent.per_run is None else agent.per_run(config)


async def _chunks(
    graph: Any, given: Any, config: RunnableConfig, how: Mapping[str, Any], *, inside: frozenset[str]
) -> AsyncIterator[tuple[str, str, Any]]:
    """The chunks of a graph's stream: the subgraph (`team/writer`, empty for the graph itself), mode, chunk.

    Args:
        inside: what is told of subgraphs, too; nothing where they are those of nodes that call tools, and so not the
            agent's own.
    """
    async with aclosing(graph.astream(given, config, **how, subgraphs=bool(inside))) as stream:
        async for chunk in stream:
            if not inside:
                yield "", *chunk
            elif not chunk[0] or chunk[1] in inside:
                place = "/".join(part.partition(":")[0] for part in chunk[0])
                yield place, *chunk[1:]


async def so_far(agent: Agent, turn: Turn, scope: RunScope) -> list[Any]:
    """What was said in the thread before this turn, as JSON-ready values."""
    saved = await agent.graph.aget_state(_config(agent, turn, scope))
    messages = saved.values.get("messages", [])
    return [[one.type, one.content, getattr(one, "tool_calls", None)] for one in messages]


async def say(agent: Agent, turn: Turn, scope: RunScope, answer: str) -> None:
    """Save the question with this answer in the thread, as if the agent's model had given it, and tell of it."""
    said = AIMessage(answer, response_metadata={"from_cache": True})
    messages = [*run_input(turn.question)["messages"], said]
    await agent.graph.aupdate_state(_config(agent, turn, scope), {"messages": messages}, as_node="agent")
    scope.notify("message", {"text": answer, "node": "agent"})


def _config(agent: Agent, turn: Turn, scope: RunScope) -> RunnableConfig:
    asked = {ASKED_TIER: scope.tier} if scope.tier else {}
    return {
        "configurable": {"thread_id": turn.thread, SCOPE_KEY: scope},
        "metadata": {RELEASE: scope.release.id, REVISION: agent.revision, RUN: scope.run_id, **asked},
        "run_name": agent.name,
        "recursion_limit": 2 * agent.spec.limits.iterations + 5,
    }


async def _not_begun(agent: Agent, saved: StateSnapshot, run_id: str) -> Outcome | None:
    """What becomes of a run whose process died before anything of it was saved; None for one that has begun.

    One that was to answer a question waits for the answer again.

    Raises:
        RunCut: there is nothing of it to go on with.
    """
    if (saved.metadata or {}).get(RUN) == run_id:
        return None
    if saved.interrupts and await _is_answered(agent, saved):
        return None
    if saved.interrupts:
        return _outcome(None, tuple(saved.interrupts), tuple(saved.next))
    raise RunCut("The process died before the first step of the run was saved.", hint="Ask again.")


async def refuse_ambiguous(agent: Agent, thread: str, resume: Any) -> None:
    """See that an answer says which question it is for, where the graph waits with several.

    Raises:
        InputInvalid: with the questions and their ids; the thread goes on waiting.
    """
    try:
        waiting = (await agent.graph.aget_state({"configurable": {"thread_id": thread}})).interrupts
    except StateUnreadable:  # the turn tells of it
        return
    known = {one.id: one.value for one in waiting}
    if len(known) < 2 or (isinstance(resume, Mapping) and resume and resume.keys() <= known.keys()):
        return
    questions = "; ".join(f"{one}: {said(jsonable(value))}" for one, value in known.items())
    raise InputInvalid(
        f"The thread waits with {len(known)} questions, and the answer does not say which one it is for. {questions}",
        hint=f'Answer by their ids, as many as you like: {{"{next(iter(known))}": …}}.',
    )


async def _is_answered(agent: Agent, saved: StateSnapshot) -> bool:
    """Whether an answer to what the graph waits for is saved, which LangGraph does before the step goes on.

    The answer to an earlier question of the same step stays saved beside the answers that its node has taken; one that
    is the same again cannot be told from it, and is asked for again.
    """
    found = await agent.graph.checkpointer.aget_tuple(saved.config)
    answers = [(task, value) for task, channel, value in found.pending_writes or () if channel == _RESUME]
    taken = [value[-1] for task, value in answers if task != _NO_TASK]
    return any(task == _NO_TASK and value not in taken for task, value in answers)


def run_control() -> Any:
    """The object LangGraph gives to all nodes of the run that asks; None outside of one.

    To no other run either, unless whoever started them gave both the same one.
    """
    try:
        return getattr(get_runtime(), "control", None)
    except RuntimeError:  # no runnable at all
        return None


def run_channels() -> tuple[Any, bool]:
    """The channels of the graph whose node asks, and whether that is a subgraph: one object for each run of a graph."""
    place = get_config()["configurable"]
    read = place.get(_READ)
    return read.args[1] if isinstance(read, partial) else None, "|" in place.get("checkpoint_ns", "")


def nodes_of(agent: Agent) -> frozenset[str]:
    """Names of the nodes of the agent's graph."""
    return frozenset(agent.graph.nodes)


def _outcome(state: Any, waiting: tuple[Any, ...], paused_at: tuple[str, ...]) -> Outcome:
    if waiting:
        return Outcome(interrupts=tuple(jsonable(interrupt.value) for interrupt in waiting), paused_at=paused_at)
    return Outcome(output=answer_text(state))

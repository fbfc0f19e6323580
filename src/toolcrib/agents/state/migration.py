"""A thread's saved state brought from one release to another: prepared in memory, tried there, then written.

The new checkpoint stands after the old one, which stays as its parent. Nodes are named in a checkpoint in many places:
in the channels that start them, in what they have seen, in what waits to be sent to them; and what a node has left
behind is filed under the id of its task, which is made of the checkpoint's id and the node's name.
"""

import asyncio
import copy
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple, create_checkpoint
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Send, StateSnapshot

from toolcrib.agents.shape.types import is_built
from toolcrib.agents.state.saved import without_values
from toolcrib.agents.state.serializer import Checkpointer, StateSerializer
from toolcrib.core.agents import Agent
from toolcrib.core.compat.migrations import Migration, NoWay, State, Step, renamed
from toolcrib.core.errors import StateUnreadable

RELEASE, REVISION = "toolcrib_release", "toolcrib_revision"
"""What the metadata of each checkpoint says: the release that wrote it, and the revision its state is at."""
_BRANCH, _JOIN, _TASKS, _NOBODY = "branch:to:", "join:", "__pregel_tasks", "00000000-0000-0000-0000-000000000000"
LONGEST_S = 30.0
"""All steps of one thread together."""
Steps = Sequence[Step[Migration]]
Source = Callable[[], Awaitable[Agent | None]]
Writes = list[tuple[str, str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a thread's saved state stands: its revision, and the id of the release that wrote it."""

    revision: str
    release: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A thread's state as it stands after its migration: tried, not written."""

    thread: str
    parent: str
    checkpoint: Any
    metadata: Any
    writes: Mapping[str, Sequence[tuple[str, Any]]]


async def standing(agent: Agent, thread: str) -> Standing | None:
    """Where a thread's state stands; None when nothing is saved of it, or its graph keeps its threads elsewhere.

    Args:
        agent: one that can read it.
        thread: its key in the checkpointer.
    """
    view = _loose(agent)
    found = await view.aget_tuple(_config(thread)) if view is not None else None
    if found is None:
        return None
    said: Mapping[str, Any] = {**found.metadata}
    return Standing(revision=str(said.get(REVISION, "")), release=str(said.get(RELEASE, "")))


async def prepare(
    thread: str, *, source: Source, target: Agent, steps: Steps, waits_in: Sequence[str]
) -> Passage | None:
    """Take a thread's newest checkpoint through migrations, in memory, and try whether the target can go on with it.

    Args:
        thread: its key in the checkpointer.
        source: gives the agent of the release that wrote it, when its nodes have left something behind; None when it
            cannot be had.
        target: the agent that is to go on.
        steps: what is between the two.
        waits_in: nodes in which it waits for a human, as the target calls them. When it waits in none, its next turn
            begins with another question, and what a broken one left behind is of no use.

    Returns:
        What `write` takes; None when nothing is saved of the thread.

    Raises:
        NoWay: a step fails, or the target cannot go on with what it comes to; nothing was changed.
    """
    view = _loose(target)
    if view is None:
        raise NoWay("its graph keeps its threads in a checkpointer of its own")
    found = await view.aget_tuple(_config(thread))
    if found is None:
        return None
    fields, _ = _parted(found.checkpoint["channel_values"])
    try:
        async with asyncio.timeout(LONGEST_S):
            after = await asyncio.to_thread(_stepped, fields, steps)
    except TimeoutError:
        files = ", ".join(step.file for step, _ in steps)
        raise NoWay(f"its migrations took longer than {LONGEST_S:g} s", file=files, line=1) from None
    checkpoint = _rewritten(found, after, steps, view)
    metadata = {**found.metadata, "source": "update", RELEASE: target.release, REVISION: target.revision}
    memory = InMemorySaver(serde=view.serde)
    try:
        memory.put(_config(thread), copy.copy(checkpoint), metadata, checkpoint["channel_versions"])  # type: ignore[arg-type]  # metadata of ours
        memory.serde = target.graph.checkpointer.serde
        snapshot = await target.graph.copy(update={"checkpointer": memory}).aget_state(_config(thread))
    except StateUnreadable as error:
        raise NoWay(error.message) from error
    _try_state(target, memory.get_tuple(_config(thread)))
    ready = {task.name for task in snapshot.tasks}
    if gone := [name for name in waits_in if name not in ready]:
        raise NoWay(f"it waits in the node {gone[0]!r}, which release {target.release} does not have")
    writes = await _carried(found, snapshot, steps, source=source, target=target) if waits_in else {}
    parent = found.config["configurable"]["checkpoint_id"]
    return Passage(thread=thread, parent=parent, checkpoint=checkpoint, metadata=metadata, writes=writes)


async def write(passage: Passage, target: Agent) -> None:
    """Write what was prepared. What belongs to the checkpoint comes first: it is there at once or not at all."""
    saver = _loose(target)
    assert saver is not None, "nothing is prepared for a graph that keeps its threads elsewhere"
    checkpoint = passage.checkpoint
    for task, writes in passage.writes.items():
        await saver.aput_writes(_config(passage.thread, checkpoint["id"]), writes, task)
    config = _config(passage.thread, passage.parent)
    await saver.aput(config, checkpoint, passage.metadata, checkpoint["channel_versions"])


def _loose(agent: Agent) -> Checkpointer | None:
    saver = agent.graph.checkpointer
    if not isinstance(getattr(saver, "serde", None), StateSerializer):
        return None
    view: Checkpointer = copy.copy(saver)
    view.serde = saver.serde.loosely()
    return view


def _config(thread: str, checkpoint: str = "") -> RunnableConfig:
    place = {"thread_id": thread, "checkpoint_ns": ""}
    return {"configurable": {**place, "checkpoint_id": checkpoint} if checkpoint else place}


def _parted(values: Mapping[str, Any]) -> tuple[State, dict[str, Any]]:
    """The fields of the state, and what LangGraph keeps beside them."""
    fields: State = {}
    plumbing: State = {}
    for name, value in values.items():
        ours = not name.startswith(("__", _BRANCH, _JOIN)) or name == "__root__"
        (fields if ours else plumbing)[name] = value
    return fields, plumbing


def _stepped(fields: State, steps: Steps) -> State:
    """The state after all steps."""
    state = dict(fields)
    for migration, direction in steps:
        change = migration.up if direction == "up" else migration.down
        if change is None:
            continue
        try:
            state = change(state)
        except Exception as error:  # outer guard: project code
            line = _line(error, change.__code__.co_filename) or change.__code__.co_firstlineno
            said = without_values(error)
            message = f"`{direction}` of migration {migration.revision!r} failed ({migration.file}:{line}): {said}"
            raise NoWay(message, file=migration.file, line=line) from error
        if not isinstance(state, dict):
            message = f"`{direction}` of migration {migration.revision!r} gave back {type(state).__name__}, no state"
            raise NoWay(message, file=migration.file, line=change.__code__.co_firstlineno)
    return state


def _line(error: BaseException, filename: str) -> int:
    """The innermost line of a file in a traceback; 0 when it is not in there."""
    line, traceback = 0, error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == filename:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line


def _rewritten(found: CheckpointTuple, after: State, steps: Steps, saver: Checkpointer) -> dict[str, Any]:
    """The checkpoint with other fields, and with its nodes under their new names."""
    before, plumbing = _parted(found.checkpoint["channel_values"])
    old = found.checkpoint
    kept = {name: version for name, version in old["channel_versions"].items() if name not in before}
    versions: dict[str, Any] = {_channel(name, steps): version for name, version in kept.items()}
    newest = saver.get_next_version(max(old["channel_versions"].values(), default=None), None)
    values = {_channel(name, steps): _value(name, value, steps) for name, value in plumbing.items()}
    seen = {
        renamed(node, steps): {_channel(name, steps): version for name, version in each.items()}
        for node, each in old["versions_seen"].items()
    }
    updated = old.get("updated_channels")
    fresh = create_checkpoint(old, None, found.metadata.get("step", 0))
    return {
        **old,
        "id": fresh["id"],
        "ts": fresh["ts"],
        "channel_values": {**values, **after},
        "channel_versions": {**versions, **dict.fromkeys(after, newest)},
        "versions_seen": seen,
        "updated_channels": None if updated is None else sorted({_channel(name, steps) for name in updated}),
    }


def _channel(name: str, steps: Steps) -> str:
    """A channel's name after the nodes in it were renamed."""
    if name.startswith(_BRANCH):
        return f"{_BRANCH}{renamed(name.removeprefix(_BRANCH), steps)}"
    if name.startswith(_JOIN):
        starts, _, end = name.removeprefix(_JOIN).rpartition(":")
        return f"{_JOIN}{'+'.join(renamed(one, steps) for one in starts.split('+'))}:{renamed(end, steps)}"
    return name


def _value(channel: str, value: Any, steps: Steps) -> Any:
    """What stands in a channel of LangGraph's own, with nodes under their new names."""
    if isinstance(value, Send):
        sent = copy.copy(value)
        sent.node = renamed(value.node, steps)
        return sent
    if channel == _TASKS and isinstance(value, (list, tuple)):
        return [_value(channel, one, steps) for one in value]
    if channel.startswith(_JOIN) and isinstance(value, (set, list, tuple)):
        return type(value)(_value(channel, one, steps) for one in value)
    return renamed(value, steps) if channel.startswith(_JOIN) and isinstance(value, str) else value


def _try_state(target: Agent, found: CheckpointTuple | None) -> None:
    """See that the graph's state can be built, where it is a class that refuses what does not fit."""
    schema = getattr(getattr(target.graph, "builder", None), "state_schema", None)
    if found is None or schema is None or not is_built(schema):
        return
    fields, _ = _parted(found.checkpoint["channel_values"])
    known = target.graph.builder.schemas[schema]
    try:
        schema(**{name: value for name, value in fields.items() if name in known})
    except Exception as error:  # outer guard: project code
        said = without_values(error)
        raise NoWay(f"the state it comes to is none of release {target.release}: {said}") from error


async def _carried(
    found: CheckpointTuple, after: StateSnapshot, steps: Steps, *, source: Source, target: Agent
) -> dict[str, list[tuple[str, Any]]]:
    """What nodes left behind (questions, answers so far, results), under the ids their tasks have now."""
    pending: Writes = list(found.pending_writes or ())
    ids = {_NOBODY: _NOBODY}
    if any(task != _NOBODY for task, _, _ in pending):
        if (former := await source()) is None:
            raise NoWay("the release that saved it is not to be had, and something waits in it")
        own = found.config["configurable"]
        place = _config(own["thread_id"], own["checkpoint_id"])
        now = {_place(task.path, task.name): task.id for task in after.tasks}
        for task in (await former.graph.aget_state(place)).tasks:
            if task.state is not None:
                raise NoWay(f"it waits inside of a subgraph, in the node {task.name!r}")
            name = renamed(task.name, steps)
            if (new := now.get(_place(task.path, name))) is None:
                raise NoWay(f"a step of the node {task.name!r} is open, which release {target.release} does not have")
            ids[task.id] = new
    writes: dict[str, list[tuple[str, Any]]] = {}
    for task, channel, value in pending:
        name = _channel(channel, steps)
        if not name.startswith("__") and name not in target.graph.channels:
            raise NoWay(f"a step of it has written {name!r}, which the state does not have any more")
        if task in ids:
            writes.setdefault(ids[task], []).append((name, _value(channel, value, steps)))
    return writes


def _place(path: Sequence[Any], name: str) -> tuple[Any, ...]:
    """What tells a task of a step from the others: its node, or the number of what was sent."""
    return (path[0], name) if path[0] == "__pregel_pull" else (*path[:2], name)

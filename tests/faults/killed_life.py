"""One life of a process that deploys at random and runs agents, until somebody kills it; for `test_random_kills`.

A run pays, asks a person, and pays again. What a life finds unfinished it brings to its end first, as a client that
asks again does: it settles the calls whose end nobody knows by looking whether they took effect.
"""

import asyncio
import json
import os
import random
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import toolcrib
from toolcrib.core.errors import Conflict, NotFound
from toolcrib.core.stores.ledger import RunRecord
from toolcrib.execution.journal_entries import journal_entry
from toolcrib.loader.archives.packing import pack
from toolcrib.loader.bundle import make_bundle
from toolcrib.runtime.crib import Crib

AGENTS = "agents:\n  flow: {kind: graph, graph: 'graphs/flow.py:graph', thread_policy: thread}\n"
TOOLS = '''
import os
from pathlib import Path
from toolcrib import tool

EFFECTS = Path({effects!r})

@tool(side_effect="write")
async def pay(ticket: str) -> str:
    """Pay a ticket."""
    descriptor = os.open(EFFECTS, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{{ticket}}\\n".encode())
    os.close(descriptor)
    return "paid"
'''
GRAPH = """
import operator
from typing import Annotated, TypedDict
from langgraph.graph import StateGraph
from langgraph.types import interrupt
from toolcrib import ToolNode

NUMBER = {number}
node = ToolNode()

class State(TypedDict, total=False):
    name: str
    seen: Annotated[list[int], operator.add]

async def pay(state, config, part):
    ticket = f"{{state['name']}}-{{part}}"
    answer = await node.ainvoke({{"tool": "pay", "tool_input": {{"ticket": ticket}}, "id": ticket}}, config)
    if answer["messages"][0].status == "error":
        raise RuntimeError(answer["messages"][0].content)
    return {{"seen": [NUMBER]}}

async def first(state, config):
    return await pay(state, config, 1)

async def ask(state):
    interrupt("go on?")
    return {{"seen": [NUMBER]}}

async def second(state, config):
    return await pay(state, config, 2)

graph = StateGraph(State)
for step in (first, ask, second):
    graph.add_node(step.__name__, step)
graph.set_entry_point("first")
graph.add_edge("first", "ask")
graph.add_edge("ask", "second")
graph.set_finish_point("second")
"""
CHANGES = frozenset({"active", "canary", "promoted", "withdrawn", "rolled_back", "held"})
CLIENTS, TRIES = 3, 12


def files(place: Path, number: int) -> Mapping[str, bytes]:
    """The project in its state of this number."""
    texts = {
        "agents.yaml": AGENTS,
        "tools/pay.py": TOOLS.format(effects=str(place / "effects")),
        "graphs/flow.py": GRAPH.format(number=number),
        "toolcrib.yaml": "canary: {bake_s: 1, min_samples: 1}\n",
    }
    return {name: text.encode() for name, text in texts.items()}


def begin(place: Path) -> None:
    """The project on disk."""
    for name, data in files(place, 0).items():
        (place / "project" / name).parent.mkdir(parents=True, exist_ok=True)
        (place / "project" / name).write_bytes(data)


def live(place: Path, seed: int, serves: Connection, *, last: bool) -> None:
    """The process; ends only when it is the `last`, with everything brought to its end. What it finds wrong ends it.

    It tells `serves` when it has found everything in order and begins to work.
    """
    descriptor = os.open(place / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    asyncio.run(_Life(place, seed, serves).run(last=last))


class _Life:
    def __init__(self, place: Path, seed: int, serves: Connection) -> None:
        self._place = place
        self._serves = serves
        self._chance = random.Random(seed)
        self._seed = seed

    async def run(self, *, last: bool) -> None:
        async with toolcrib.open(self._place / "project") as crib:
            await check(crib)
            await self._settle(crib)
            await taken_up(crib)
            for thread in await crib.threads.list(limit=10_000):
                await finish(crib, thread)
            if last:
                self._tell(await figures(crib, self._place))
                return
            self._serves.send("serves")
            async with asyncio.TaskGroup() as group:
                group.create_task(self._deploy(crib))
                for client in range(CLIENTS):
                    group.create_task(self._ask(crib, client))

    async def _settle(self, crib: Crib) -> None:
        """Decide about the calls that nobody knows the end of: whether they paid stands in the file."""
        effects = self._place / "effects"
        paid = set(effects.read_text().split()) if effects.exists() else set()
        names = [thread.thread_id for thread in await crib.threads.list(limit=10_000)]
        tickets = {digest(f"{name}-{part}"): f"{name}-{part}" for name in names for part in (1, 2)}
        for call in await crib.calls_in_doubt():
            if tickets[call.args_digest] in paid:
                await crib.settle_call(call.key, value="paid")
            else:
                await crib.settle_call(call.key, repeat=True)

    async def _ask(self, crib: Crib, client: int) -> None:
        for number in range(1_000_000):
            name = f"t{self._seed}-{client}-{number}"
            await crib.run("flow", {"name": name}, thread_id=name)
            if self._chance.random() < 0.7:  # others wait for a later life
                await crib.run("flow", thread_id=name, resume="yes")

    async def _deploy(self, crib: Crib) -> None:
        """Change what serves, again and again; what does not fit the moment is refused, and that is all."""
        while True:
            number = self._chance.randrange(1_000_000)
            tree = dict(files(self._place, number))
            kind = self._chance.choice(("all", "all", "canary", "broken", "rollback", "promote", "hold", "keep"))
            with suppress(NotFound, Conflict):
                match kind:
                    case "rollback":
                        await crib.rollback()
                    case "promote":
                        await crib.promote()
                    case "hold":
                        await crib.hold("acme", self._chance.choice([crib.release.id, None]))
                    case _:
                        if kind == "broken":
                            tree["tools/more.py"] = b"def broken(:\n"
                        part = 30.0 if kind == "canary" else None
                        await crib.upload(pack(make_bundle(tree)), canary=part, activate=kind != "keep")
            self._tell({"did": kind, "generation": crib.generation})

    def _tell(self, facts: Mapping[str, object]) -> None:
        with (self._place / "told").open("a", encoding="utf-8") as file:
            file.write(json.dumps(facts) + "\n")


def digest(ticket: str) -> str:
    entry = journal_entry("pay", {"ticket": ticket}, tenant="", idempotency_key="", release="", now=0.0, mask=False)
    return entry.args_digest


async def check(crib: Crib) -> None:
    """What serves is what the store says, and the history has each change of it once."""
    channel, history = await crib.channel(), await crib.history(1_000_000)
    assert (crib.generation, crib.release.digest) == (channel.generation, channel.digest)
    changes = [one.generation for one in reversed(history) if one.state in CHANGES]
    assert changes == list(range(1, channel.generation + 1)), changes
    states = {one.manifest.digest: one.state for one in await crib.releases()}
    assert {digest for digest, state in states.items() if state in ("active", "canary", "permanent")} == channel.serving


async def taken_up(crib: Crib) -> None:
    """Every run of a dead process goes on by itself, and comes to an end; its caller is gone."""
    await crib._wings.runs.resumer.take_up()
    await crib._wings.runs.resumer.settled(60)
    assert not [run for run in await crib.recent_runs(1_000_000) if run.status in ("running", "suspended")]


async def finish(crib: Crib, last: RunRecord) -> None:
    """Bring a thread to its end, on the release it began on."""
    name = last.thread_id
    for _ in range(TRIES):
        if last.status == "success":
            return
        if last.status == "interrupted":
            result = await crib.run("flow", thread_id=name, resume="yes")
        else:
            result = await crib.run("flow", thread_id=name)
            if result.error and "EmptyInputError" in result.error.message:  # it died before its first checkpoint
                result = await crib.run("flow", {"name": name}, thread_id=name)
        assert result.success, (name, last, result.error)
        (last,) = await crib.threads.list(thread_id=name)
    raise AssertionError(f"{name} does not come to its end: {last}")


async def figures(crib: Crib, place: Path) -> Mapping[str, object]:
    """What all lives came to."""
    paid = (place / "effects").read_text().split()
    runs = await crib.recent_runs(1_000_000)
    pins: dict[str, set[str]] = {}
    for run in runs:
        pins.setdefault(run.thread_id, set()).add(run.release)
    ends = await crib.threads.list(limit=1_000_000)
    return {
        "threads": len(ends),
        "unfinished": sum(run.status != "success" for run in ends),
        "moved": sum(len(found) > 1 for found in pins.values()),
        "mixed": (await crib.ledger()).mixed,
        "payments": len(paid),
        "twice": len(paid) - len(set(paid)),
        "missing": len({f"{run.thread_id}-{part}" for run in ends for part in (1, 2)} - set(paid)),
        "generation": crib.generation,
        "releases": len(await crib.releases()),
        "deployments": len(await crib.history(1_000_000)),
    }

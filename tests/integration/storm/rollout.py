"""Deployments of every kind under clients that never rest: what was deployed, what the clients saw, what must hold."""

import itertools
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio

from toolcrib.core.errors import NotFound
from toolcrib.core.releases import Deployment
from toolcrib.core.results import RunResult
from toolcrib.runtime.crib import Crib

TOOLS = '''
from toolcrib import tool
from tools._number import NUMBER

@tool(side_effect="none")
async def first() -> int:
    """The number, at the beginning of a run."""
    return NUMBER

@tool(side_effect="none")
def second() -> int:
    """The number, at the end of a run, looked up late and in a thread."""
    from tools import _number as late
    return late.NUMBER
'''
GRAPH = """
import asyncio
from typing import TypedDict
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from toolcrib import ToolNode
from graphs._level import LEVEL
from tools._number import NUMBER

class State(TypedDict, total=False):
    level: int
    seen: list[int]
    wait: float
    ask: bool
    answer: str
    messages: list

node = ToolNode()

async def number(name, config):
    said = await node.ainvoke({"tool": name, "tool_input": {}}, config)
    return int(said["messages"][0].content)

async def begin(state, config):
    assert state.get("level", LEVEL) == LEVEL, "what is saved comes migrated"
    return {"level": LEVEL, "seen": [NUMBER, await number("first", config)], "answer": ""}

async def wait(state):
    await asyncio.sleep(state["wait"])
    return {}

def ask(state):
    return {"answer": interrupt("go on?") if state["ask"] else "unasked"}

async def end(state, config):
    from tools._number import NUMBER as late
    return {"seen": [*state["seen"], await number("second", config), NUMBER, late]}

graph = StateGraph(State)
names = ["begin", "wait", f"ask_{LEVEL}", "end"]
for name, step in zip(names, [begin, wait, ask, end]):
    graph.add_node(name, step)
for one, other in zip([START, *names], [*names, END]):
    graph.add_edge(one, other)
"""
MIGRATION = """
agent = "{agent}"
{replaces}
nodes = {{"ask_{former}": "ask_{level}"}}

def up(state):
    return state | {{"level": {level}}} if "level" in state else state

def down(state):
    return state | {{"level": {former}}} if "level" in state else state
"""
POLICIES = ("run", "thread", "compatible", "latest")
AGENTS = "agents:\n" + "".join(
    f'  {policy}: {{kind: graph, graph: "graphs/flow.py:graph", thread_policy: {policy}}}\n' for policy in POLICIES
)
TENANTS = ("", "acme", "globex")
MANY_S = 3600.0
MOST_LEVELS = 8
"""A project with ever more migrations would take ever more memory, by right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A turn that waits for a human."""

    agent: str
    thread: str
    tenant: str
    waits: RunResult


@dataclass(kw_only=True)
class RolloutStorm:
    """An operator who deploys at random, and clients who run, stop to be asked, and are answered, soon or late.

    Attributes:
        crib: the open project, of `write`.
        shortest_s, longest_s: how long a run waits between its first step and its last.
        count: what the operator did, and what came of the clients' turns.
        broken: turns that were not as promised, each told in a line.
    """

    crib: Crib
    seed: int
    shortest_s: float
    longest_s: float
    count: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    _parked: list[Parked] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._numbers, self._blows = itertools.count(1), itertools.count(1)
        self._over, self._level = True, 0

    @staticmethod
    def write(root: Path) -> None:
        """A project whose tools, graphs and agents must always see one number."""
        files = {"tools/numbers.py": TOOLS, "graphs/flow.py": GRAPH, "agents.yaml": AGENTS}
        files |= {_NUMBER: "NUMBER = 0\n", _LEVEL: "LEVEL = 0\n"}
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)

    async def blow(self, deployments: int, *, clients: int, every: Callable[[int], None] = lambda _: None) -> None:
        """So many deployments under so many clients; at the end every parked turn is answered."""
        self._over, blow = False, next(self._blows)
        async with anyio.create_task_group() as tasks:
            for number in range(clients):
                tasks.start_soon(self._client, blow, number)
            for done in range(deployments):
                await self._operate()
                every(done + 1)
            self._over = True
        while self._parked:
            await self._answer(self._parked.pop())

    async def _operate(self) -> None:
        acts: list[tuple[int, Callable[[], Awaitable[str]]]] = [
            (40, self._good),
            (15, self._bad),
            (15, self._canary),
            (5, self._promote),
            (10, self._back),
            (10, self._hold),
            (5, self._move),
            (5, self._migrate),
        ]
        (act,) = self._chance.choices([act for _, act in acts], [weight for weight, _ in acts])
        try:
            self.count[await act()] += 1
        except NotFound:  # no canary, or none before
            self.count[await self._good()] += 1

    async def _good(self) -> str:
        return (await self._deploy(f"NUMBER = {next(self._numbers)}\n")).state

    async def _bad(self) -> str:
        cause = self._chance.choice(["NUMBER = (", "NUMBER = 1 // 0\n", "NUMBERS = 1\n"])
        return (await self._deploy(f"{cause}# {next(self._numbers)}\n")).state

    async def _canary(self) -> str:
        percent = self._chance.choice([1.0, 10.0, 50.0, 100.0])
        return (await self._deploy(f"NUMBER = {next(self._numbers)}\n", canary=percent, bake_s=MANY_S)).state

    async def _deploy(self, text: str, **plan: Any) -> Deployment:
        (self.crib.root / _NUMBER).write_text(text)
        return await self.crib.deploy(**plan)

    async def _promote(self) -> str:
        return (await self.crib.promote()).state

    async def _back(self) -> str:
        return (await self.crib.rollback()).state

    async def _hold(self) -> str:
        tenant = self._chance.choice(TENANTS[1:])
        if tenant in (await self.crib.channel()).held:
            return (await self.crib.hold(tenant, None)).state
        stored = [one for one in (await self.crib.releases())[:10] if one.state not in ("rejected", "verified")]
        return (await self.crib.hold(tenant, self._chance.choice(stored).manifest.release)).state

    async def _move(self) -> str:
        moves = await self.crib.threads.move(self.crib.release.id, agent="compatible", dry_run=False)
        return "threads moved" if any(move.moved for move in moves) else "no thread moved"

    async def _migrate(self) -> str:
        """A node gets another name and the state another level, for all agents; parked turns come along or stay."""
        if self._level == MOST_LEVELS:
            return await self._good()
        self._level, former = self._level + 1, self._level
        root = self.crib.root
        (root / "migrations").mkdir(exist_ok=True)
        for agent in POLICIES:
            replaces = f'replaces = "{agent}_{former:03}"' if former else ""
            text = MIGRATION.format(agent=agent, replaces=replaces, former=former, level=self._level)
            (root / "migrations" / f"{agent}_{self._level:03}.py").write_text(text)
        (root / _LEVEL).write_text(f"LEVEL = {self._level}\n")
        state = (await self._deploy(f"NUMBER = {next(self._numbers)}\n")).state
        return "migrated" if state == "active" else state

    async def _client(self, blow: int, number: int) -> None:
        chance = random.Random(self.seed * 1_000 + number)
        agent, tenant = POLICIES[number % len(POLICIES)], TENANTS[number % len(TENANTS)]
        for turn in itertools.count():
            if self._over:
                return
            thread = f"storm {blow} client {number} thread {turn // 3}"
            asks = chance.random() < 0.3
            wait = chance.uniform(self.shortest_s, self.longest_s)
            given = {"wait": wait, "ask": asks}
            with anyio.fail_after(120):
                result = await self.crib.run(agent, given, thread_id=thread, tenant=tenant)
            self.count["turns"] += 1
            if not asks:
                self._look(result, agent, "unasked")
                continue
            parked = Parked(agent=agent, thread=thread, tenant=tenant, waits=result)
            if not result.interrupts:
                self.broken.append(f"{agent} was not asked: {result.error or result.output}")
            elif turn % 3 == 2:
                self._parked.append(parked)  # the client goes on with another thread; this one waits for long
                if len(self._parked) > 50:
                    await self._answer(self._parked.pop(chance.randrange(len(self._parked))))
            else:
                await self._answer(parked)

    async def _answer(self, parked: Parked) -> None:
        answer = f"yes, {parked.thread}"
        with anyio.fail_after(120):
            result = await self.crib.run(parked.agent, thread_id=parked.thread, tenant=parked.tenant, resume=answer)
        self.count["answers"] += 1
        self._look(result, parked.agent, answer)
        if parked.agent in ("run", "thread") and result.release != parked.waits.release:
            self.broken.append(f"{parked.agent} waited on {parked.waits.release}, was answered on {result.release}")

    def _look(self, result: RunResult, agent: str, answer: str) -> None:
        """A turn must succeed, with its answer and one number, unless it was taken elsewhere while it waited."""
        if not result.success:
            self.broken.append(f"{agent} failed on {result.release}: {result.error}")
        elif result.output["answer"] != answer:
            self.broken.append(f"{agent} was answered {result.output['answer']!r} instead of {answer!r}")
        elif len(set(result.output["seen"])) != 1 and (answer == "unasked" or agent in ("run", "thread")):
            self.broken.append(f"{agent} saw {result.output['seen']} on {result.release}")


_NUMBER, _LEVEL = "tools/_number.py", "graphs/_level.py"

"""A run service on ports in memory, and a graph that waits in its only node until a test lets it go on."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict, cast

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph

from tests.support import make_release
from toolcrib.agents.money.book import PriceBook
from toolcrib.agents.money.purse import PursePorts
from toolcrib.core.agents import Agent, AgentLimits, AgentSpec
from toolcrib.core.redaction import Secrets
from toolcrib.core.stores.ledger import RunRecord
from toolcrib.registry.registry import Registry
from toolcrib.registry.release import Release
from toolcrib.runs.accounts import Accounts
from toolcrib.runs.ports import RunPorts
from toolcrib.runs.service import RunService
from toolcrib.stores.memory.budgets import MemoryBudgetStore
from toolcrib.stores.memory.ledger import MemoryRunLedger
from toolcrib.stores.memory.result_cache import MemoryResultCache
from toolcrib.testing import CountingIds, FakeClock, FakeRandom, RecordingEvents

ME = "this process"


class _State(TypedDict, total=False):
    said: str


@dataclass(kw_only=True)
class Gate:
    """A graph of one node, whose runs tell that they are in it and wait; and once more when they are cancelled."""

    entered: asyncio.Queue[None] = field(default_factory=asyncio.Queue)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    cleaning: asyncio.Event = field(default_factory=asyncio.Event)
    cleaned: asyncio.Event = field(default_factory=asyncio.Event)

    def graph(self) -> Any:
        async def node(state: _State) -> _State:
            self.entered.put_nowait(None)
            try:
                await self.open.wait()
            except asyncio.CancelledError:
                self.cleaning.set()
                await self.cleaned.wait()
                raise
            return {"said": "through"}

        graph = StateGraph(_State).add_node("node", node).add_edge(START, "node").add_edge("node", END)
        return graph.compile(checkpointer=InMemorySaver())


@dataclass(kw_only=True)
class Runs:
    """The service and what stands around it; its release serves the agent `clerk`."""

    ledger: MemoryRunLedger = field(default_factory=MemoryRunLedger)
    graph: Any = None
    run_timeout_s: float = 300.0
    is_resident: bool = True
    load: Callable[[str], Awaitable[Release]] | None = None
    budgets: MemoryBudgetStore = field(default_factory=lambda: MemoryBudgetStore(clock=FakeClock()))
    events: RecordingEvents = field(default_factory=RecordingEvents)
    registry: Registry = field(default_factory=Registry)
    release: Release = field(init=False)
    service: RunService = field(init=False)

    def __post_init__(self) -> None:
        limits = AgentLimits(run_timeout_s=self.run_timeout_s)
        spec = AgentSpec(kind="graph", graph="graphs/one.py:graph", limits=limits) if self.graph else AgentSpec()
        agent = Agent(name="clerk", spec=spec, prompt="", tools=(), graph=self.graph, release="r-1")
        self.release = replace(make_release(), agents={"clerk": agent})
        serving = self.release if self.is_resident else replace(make_release(content="v2"), agents={"clerk": agent})
        self.registry.publish(serving, expected=0)
        money = PursePorts(
            store=self.budgets,
            book=PriceBook(),
            clock=FakeClock(),
            ids=CountingIds(),
            emit=self.events.emit,
            process=ME,
        )
        ports = RunPorts(
            registry=self.registry,
            calls=cast(Any, None),
            models=cast(Any, None),
            ledger=self.ledger,
            clock=FakeClock(),
            random=FakeRandom(),
            ids=CountingIds(),
            events=self.events,
            load=self.load or self._refuse,
            is_safe=self._refuse_last,
            secrets=Secrets({}),
            cache=MemoryResultCache(max_bytes=1 << 20, clock=FakeClock(), memory_used=lambda: 0.0),
            accounts=Accounts(money, has_ended=lambda process: False),
            process=ME,
            has_ended=lambda process: process == "dead",
        )
        self.service = RunService(ports, concurrency=9)

    async def stopped(self, *, status: str = "suspended") -> RunRecord:
        """A run that stands in the ledger, stopped before its graph began."""
        record = RunRecord(
            run_id="run", thread_id="t", agent="clerk", release=self.release.digest, status=status, process="another"
        )
        await self.ledger.accept(record)
        return record

    async def status(self) -> str:
        """Of the only run."""
        (record,) = await self.ledger.runs()
        return record.status

    def _refuse(self, digest: str) -> Awaitable[Release]:
        raise AssertionError(digest)

    def _refuse_last(self, last: RunRecord, newer: Release) -> Awaitable[bool]:
        raise AssertionError(last)

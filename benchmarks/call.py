"""CPU time of one tool call: toolcrib's chain beside other frameworks and a hand-written stack, in one run.

    make bench                                              # with all peers, in an environment of their own
    python benchmarks/call.py [--calls 2000] [--rounds 7]   # with LangGraph and LangChain only

Prints one JSON object: microseconds of process CPU per call (median of interleaved rounds), ratios, and the aims. The
tool is an async no-op with two arguments; in `full_chain` it has a cache (every call a miss), scopes, a rate limit, a
breaker, a concurrency limit, a deadline and retries, and metrics count every call. Pydantic AI, OpenAI Agents and
Strands are measured where they take one call, without their run loops: beside `bare_chain`, not beside a graph. Threads
and processes go by the clock on the wall, in turns of 50 calls with `asyncio.to_thread`: that clock sees all that
happens on the machine. The rows `rested` are of single calls after a millisecond without work, when the processor has
gone to sleep and its caches belong to others: whatever runs more code, or in another process, pays more there.
"""

import argparse
import asyncio
import gc
import importlib.util
import json
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from call_peers.hand_written import Stack
from langchain_core.messages import AIMessage
from langchain_core.tools import StructuredTool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

import toolcrib
from toolcrib.agents.models.catalogue import Models
from toolcrib.agents.scope import SCOPE_KEY, RunScope
from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.chain import CallNext
from toolcrib.core.policies import Breaker, Cache, Concurrency, RateLimit, Retry, ToolPolicy
from toolcrib.core.redaction import Secrets
from toolcrib.core.releases import Manifest
from toolcrib.execution.chain import build_chain
from toolcrib.execution.executor import Executor
from toolcrib.execution.ports import ChainPorts
from toolcrib.execution.state.breaker import Circuits
from toolcrib.execution.state.escalation import Escalations
from toolcrib.execution.state.gates import Gates
from toolcrib.observability.hub import EventHub, Listener
from toolcrib.observability.metrics import COUNTED, Metrics
from toolcrib.registry.release import Release
from toolcrib.runners.inline import InlineRunner
from toolcrib.runners.threads import ThreadRunner
from toolcrib.runtime.clock import SystemClock, SystemRandom, TimeOrderedIds, new_handle
from toolcrib.stores.artifact_texts import Bounds
from toolcrib.stores.memory.artifacts import MemoryArtifactStore
from toolcrib.stores.memory.journal import MemoryJournal
from toolcrib.stores.memory.locks import MemoryLocks
from toolcrib.stores.memory.rate_limits import MemoryRateLimiter
from toolcrib.stores.memory.result_cache import MemoryResultCache
from toolcrib.tools.adapt import adapt
from toolcrib.tools.resources.pool import ResourcePool

ARGS = {"order_id": "A-42", "limit": 3}
BATCH = 100
IN_A_ROW = 50
REST_S = 0.001
PROJECT_TOOL = '''
from toolcrib import tool

@tool(side_effect="read")
async def lookup(order_id: str, limit: int = 1) -> str:
    """Look an order up."""
    return order_id

@tool(side_effect="read")
def lookup_in_thread(order_id: str, limit: int = 1) -> str:
    """Look an order up."""
    return order_id

@tool(side_effect="read", isolation="process")
def lookup_in_process(order_id: str, limit: int = 1) -> str:
    """Look an order up."""
    return order_id
'''
FULL = ToolPolicy(
    side_effect="read",
    scopes=("orders:read",),
    cache=Cache(),
    rate_limit=RateLimit(calls=1_000_000, per_s=1),
    breaker=Breaker(),
    concurrency=Concurrency(limit=64),
    retry=Retry(),
)
Measured = Callable[[], Awaitable[object]]


@toolcrib.tool(side_effect="read")
async def lookup(order_id: str, limit: int = 1) -> str:
    """Look an order up."""
    return order_id


def blocking(order_id: str, limit: int = 1) -> str:
    """A tool that is no coroutine."""
    return order_id


class NoWorkers(InlineRunner):
    """No worker processes: the tools of these chains want none."""

    async def ready(self, release: str) -> None:
        """Always."""


class OurChain:
    """The executor, and one tool's chain that tells of its calls to `hooks`, or to nobody."""

    def __init__(self, *hooks: Listener, policy: ToolPolicy | None = None, new_calls: int = 0) -> None:
        clock, hub = SystemClock(), EventHub(hooks)
        ports = ChainPorts(
            clock=clock,
            random=SystemRandom(),
            events=hub,
            inline=InlineRunner(),
            threads=ThreadRunner(workers=2),
            processes=NoWorkers(),
            resources=ResourcePool(env={}, clock=clock),
            cache=MemoryResultCache(max_bytes=1 << 24, clock=clock, memory_used=lambda: 0.0),
            circuits=Circuits(events=hub),
            escalations=Escalations(events=hub),
            secrets=Secrets({}),
            rates=MemoryRateLimiter(clock=clock),
            journal=MemoryJournal(),
            gates=Gates(),
            locks=MemoryLocks(),
            artifacts=MemoryArtifactStore(
                bounds=Bounds(max_bytes=1 << 24, ttl_s=60), clock=clock, new_handle=new_handle
            ),
        )
        tool = adapt(lookup)
        tool = replace(tool, spec=replace(tool.spec, policy=policy)) if policy else tool
        chains: dict[str, CallNext] = {}
        manifest = Manifest(digest="0" * 64, files={})
        self.release = Release(id="r-00000000", manifest=manifest, tools={"lookup": tool}, chains=chains)
        chains["lookup"] = build_chain(tool, release=self.release, ports=ports)
        self.executor = Executor(ids=TimeOrderedIds(), clock=clock, events=hub, circuits=ports.circuits)
        self.context = CallContext(scopes=frozenset({"orders:read"}))
        args = [{"order_id": f"A-{number}", "limit": 3} for number in range(new_calls)]
        self._new_calls = iter([ToolCall(name="lookup", args=one) for one in args])
        self._call = ToolCall(name="lookup", args=ARGS)

    def call(self) -> Awaitable[object]:
        """One call."""
        return self.executor.call(self.release, self._call, self.context)

    def new_call(self) -> Awaitable[object]:
        """One call with arguments nobody had before."""
        return self.executor.call(self.release, next(self._new_calls), self.context)

    def batch(self) -> Awaitable[object]:
        """Many calls at once."""
        return self.executor.call_many(self.release, [self._call] * BATCH, self.context, max_concurrency=16)

    def node(self) -> Measured:
        """Our tool node, from a message to a message, without a graph around it."""
        scope = RunScope(
            release=self.release,
            calls=self.executor,
            models=Models(today=lambda: None),  # type: ignore[arg-type, return-value]  # no model is asked
            clock=SystemClock(),
            random=SystemRandom(),
            tools=("lookup",),
        )
        node, given = toolcrib.ToolNode(), [message(1)]
        return lambda: node.ainvoke(given, {"configurable": {SCOPE_KEY: scope}})


def metrics() -> Listener:
    """Metrics that count calls, as an open project has them."""
    return Listener(hear=Metrics().observe, kinds=COUNTED)


async def other_frameworks() -> dict[str, Measured]:
    """One call each in the frameworks that are installed."""
    if importlib.util.find_spec("pydantic_ai") is None:
        return {}
    from call_peers.frameworks import PEERS

    return {name: await make(lookup, ARGS) for name, make in PEERS.items()}


def message(calls: int) -> AIMessage:
    """A model's answer that asks for so many calls."""
    wanted = [{"name": "lookup", "args": ARGS, "id": f"c{n}", "type": "tool_call"} for n in range(calls)]
    return AIMessage("", tool_calls=wanted)


def in_graph(node: Any) -> Any:
    """A node in the smallest graph that can run it."""
    graph = StateGraph(MessagesState)
    graph.add_node("tools", node)
    graph.add_edge(START, "tools")
    graph.add_edge("tools", END)
    return graph.compile()


async def cpu_us(call: Measured, calls: int) -> float:
    """Microseconds of CPU time per call: their mean."""
    began = time.process_time()
    for _ in range(calls):
        await call()
    return (time.process_time() - began) / calls * 1e6


async def wall_us(candidates: dict[str, Measured], calls: int) -> dict[str, float]:
    """Microseconds on the wall per call: medians over turns of so many calls in a row, and over single rested calls."""
    took: dict[str, list[float]] = {name + kind: [] for name in candidates for kind in ("", "_rested")}
    for _ in range(max(2, calls // IN_A_ROW)):
        for name, call in candidates.items():
            await asyncio.sleep(REST_S)  # the other one's thread is still tidying up, and wants the interpreter for it
            began = time.perf_counter()
            await call()
            rested = time.perf_counter()
            for _ in range(IN_A_ROW):
                await call()
            took[name].append((time.perf_counter() - rested) / IN_A_ROW * 1e6)
            took[f"{name}_rested"].append((rested - began) * 1e6)
    return {name: statistics.median(one) for name, one in took.items()}


async def measure(calls: int, rounds: int) -> dict[str, float]:
    """Median over rounds in which every candidate has its turn."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "tools").mkdir()
        (folder / "tools" / "orders.py").write_text(PROJECT_TOOL)
        crib = await stack.enter_async_context(toolcrib.open(folder))
        structured = StructuredTool.from_function(coroutine=lookup, name="lookup", description="Look an order up.")
        ours, theirs = in_graph(crib.tool_node()), in_graph(ToolNode([structured]))
        one, many, tenth = message(1), message(BATCH), max(1, calls // 10)
        full = OurChain(metrics(), policy=FULL, new_calls=calls * (rounds + 1))
        by_hand = Stack(lookup)
        candidates: dict[str, tuple[Measured, int]] = {
            "bare_chain": (OurChain().call, calls),
            "bare_chain_with_metrics": (OurChain(metrics()).call, calls),
            "full_chain": (full.new_call, calls),
            "crib_call": (lambda: crib.call("lookup", ARGS), calls),
            "tool_node": (OurChain().node(), calls),
            "tool_node_in_graph": (lambda: ours.ainvoke({"messages": [one]}), tenth),
            "hand_written_stack": (lambda: by_hand.call(**ARGS), tenth),
            "structured_tool_ainvoke": (lambda: structured.ainvoke(ARGS), tenth),
            "langgraph_tool_node_in_graph": (lambda: theirs.ainvoke({"messages": [one]}), tenth),
            "batch_of_100": (OurChain().batch, max(1, calls // BATCH)),
            "langgraph_batch_of_100": (lambda: theirs.ainvoke({"messages": [many]}), 2),
        }
        walls: dict[str, Measured] = {
            "thread_wall": lambda: crib.call("lookup_in_thread", ARGS),
            "to_thread_wall": lambda: asyncio.to_thread(blocking, **ARGS),  # type: ignore[arg-type]
            "process_wall": lambda: crib.call("lookup_in_process", ARGS),
        }
        candidates |= {name: (call, calls) for name, call in (await other_frameworks()).items()}
        found: dict[str, list[float]] = defaultdict(list)
        gc.collect()
        gc.freeze()  # the modules of all peers in one process are no cost of a call
        for round_number in range(rounds + 1):
            costs = {name: await cpu_us(call, number) for name, (call, number) in candidates.items()}
            costs |= await wall_us(walls, calls)
            for name, cost in costs.items():
                if round_number:  # the first round warms up
                    found[name].append(cost / BATCH if name.endswith("batch_of_100") else cost)
        return {name: statistics.median(costs) for name, costs in found.items()}


def aims(costs: dict[str, float]) -> dict[str, Any]:
    """What was aimed at, and what came of it."""
    node, found = costs["langgraph_tool_node_in_graph"], costs
    return {
        "bare chain <= 15 µs": found["bare_chain"] <= 15,
        "full chain <= 20 µs": found["full_chain"] <= 20,
        "full chain <= 1/25 of LangGraph's ToolNode": found["full_chain"] <= node / 25,
        "our ToolNode, message in and out, <= 40 µs": found["tool_node"] <= 40,
        "a batch is >= 10 times cheaper per call": found["batch_of_100"] <= found["langgraph_batch_of_100"] / 10,
        "a thread <= 1.2 of asyncio.to_thread": found["thread_wall"] <= 1.2 * found["to_thread_wall"],
        "a process <= 200 µs": found["process_wall"] <= 200,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    costs = asyncio.run(measure(options.calls, options.rounds))
    report = {
        "us_per_call": {name: round(cost, 2) for name, cost in costs.items()},
        "times_the_full_chain": {name: round(cost / costs["full_chain"], 2) for name, cost in costs.items()},
        "aims": aims(costs),
    }
    print(json.dumps(report, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()

"""CPU time of one tool call: toolcrib's chain beside LangGraph's ToolNode and LangChain's StructuredTool, in one run.

    python benchmarks/call.py [--calls 2000] [--rounds 7]

Prints one JSON object: microseconds of process CPU per call (median of interleaved rounds) and the ratios between them.
The chain is what `Crib.call` runs: validation, deadline, events off, an async no-op tool with two arguments.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from langchain_core.messages import AIMessage
from langchain_core.tools import StructuredTool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

import toolcrib
from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.chain import CallNext
from toolcrib.core.events import Event
from toolcrib.core.ports import Clock
from toolcrib.core.releases import Manifest
from toolcrib.execution.chain import build_chain
from toolcrib.execution.executor import Executor
from toolcrib.execution.ports import ChainPorts
from toolcrib.execution.state.breaker import Circuits
from toolcrib.execution.state.gates import Gates
from toolcrib.observability.hub import EventHub
from toolcrib.observability.metrics import Metrics
from toolcrib.registry.release import Release
from toolcrib.runners.inline import InlineRunner
from toolcrib.runners.threads import ThreadRunner
from toolcrib.runtime.clock import SystemClock, SystemRandom, TimeOrderedIds
from toolcrib.stores.locks import MemoryLocks
from toolcrib.stores.memory import MemoryJournal
from toolcrib.stores.rate_limits import MemoryRateLimiter
from toolcrib.stores.result_cache import MemoryResultCache
from toolcrib.tools.adapt import adapt
from toolcrib.tools.resources.pool import ResourcePool

ARGS = {"order_id": "A-42", "limit": 3}
PROJECT_TOOL = '''
from toolcrib import tool

@tool
async def lookup(order_id: str, limit: int = 1) -> str:
    """Look an order up."""
    return order_id
'''
Measured = Callable[[], Awaitable[object]]


@toolcrib.tool
async def lookup(order_id: str, limit: int = 1) -> str:
    """Look an order up."""
    return order_id


def bare_chain(clock: Clock, *hooks: Callable[[Event], None]) -> Measured:
    """The executor and a chain that tells of its calls to `hooks`, or to nobody."""
    hub = EventHub(hooks)
    ports = ChainPorts(
        clock=clock,
        random=SystemRandom(),
        inline=InlineRunner(),
        threads=ThreadRunner(workers=2),
        cache=MemoryResultCache(max_bytes=1 << 20, clock=clock, memory_used=lambda: 0.0),
        events=hub,
        circuits=Circuits(events=hub),
        rates=MemoryRateLimiter(clock=clock),
        journal=MemoryJournal(),
        gates=Gates(),
        locks=MemoryLocks(),
        processes=InlineRunner(),
        resources=ResourcePool(env={}, clock=clock),
    )
    tool = adapt(lookup)
    chains: dict[str, CallNext] = {}
    manifest = Manifest(digest="0" * 64, files={})
    release = Release(id="r-00000000", manifest=manifest, tools={"lookup": tool}, chains=chains)
    chains["lookup"] = build_chain(tool, release=release, ports=ports)
    executor = Executor(ids=TimeOrderedIds(), clock=clock, events=hub, circuits=ports.circuits)
    context = CallContext()
    return lambda: executor.call(release, ToolCall(name="lookup", args=ARGS), context)


def peers() -> dict[str, Measured]:
    """LangChain's tool, and LangGraph's node in the smallest graph that can run it."""
    structured = StructuredTool.from_function(coroutine=lookup, name="lookup", description="Look an order up.")
    graph = StateGraph(MessagesState)
    graph.add_node("tools", ToolNode([structured]))
    graph.add_edge(START, "tools")
    graph.add_edge("tools", END)
    compiled = graph.compile()
    message = AIMessage("", tool_calls=[{"name": "lookup", "args": ARGS, "id": "c1", "type": "tool_call"}])
    return {
        "structured_tool_ainvoke": lambda: structured.ainvoke(ARGS),
        "langgraph_tool_node_in_graph": lambda: compiled.ainvoke({"messages": [message]}),
    }


def _ignore(event: Event) -> None:
    """A hook that costs nothing by itself."""


async def cpu_us(call: Measured, calls: int) -> float:
    """Microseconds of CPU per call."""
    began = time.process_time()
    for _ in range(calls):
        await call()
    return (time.process_time() - began) / calls * 1e6


async def measure(calls: int, rounds: int) -> dict[str, float]:
    """Median over rounds in which every candidate has its turn."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tools").mkdir()
        (Path(folder) / "tools" / "orders.py").write_text(PROJECT_TOOL)
        async with toolcrib.open(folder) as crib:
            node = crib.tool_node()
            graph = StateGraph(MessagesState)
            graph.add_node("tools", node)
            graph.add_edge(START, "tools")
            graph.add_edge("tools", END)
            compiled = graph.compile()
            message = AIMessage("", tool_calls=[{"name": "lookup", "args": ARGS, "id": "c1", "type": "tool_call"}])
            candidates: dict[str, tuple[Measured, int]] = {
                "toolcrib_bare_chain": (bare_chain(SystemClock()), calls),
                "toolcrib_bare_chain_events": (bare_chain(SystemClock(), _ignore), calls),
                "toolcrib_bare_chain_metrics": (bare_chain(SystemClock(), Metrics().observe), calls),
                "toolcrib_crib_call": (lambda: crib.call("lookup", ARGS), calls),
                "toolcrib_tool_node_in_graph": (lambda: compiled.ainvoke({"messages": [message]}), calls // 10),
                **{name: (call, calls // 10) for name, call in peers().items()},
            }
            found: dict[str, list[float]] = {name: [] for name in candidates}
            for round_number in range(rounds + 1):
                for name, (call, count) in candidates.items():
                    cost = await cpu_us(call, count)
                    if round_number:  # the first round warms up
                        found[name].append(cost)
            return {name: statistics.median(costs) for name, costs in found.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    costs = asyncio.run(measure(options.calls, options.rounds))
    bare = costs["toolcrib_bare_chain"]
    report = {
        "cpu_us_per_call": {name: round(cost, 2) for name, cost in costs.items()},
        "times_the_bare_chain": {name: round(cost / bare, 1) for name, cost in costs.items()},
        "aim": {"toolcrib_bare_chain_us": 15, "met": bare <= 15},
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()

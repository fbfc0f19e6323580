"""Many calls at once: wall-clock time and the longest stall of the event loop, beside LangGraph's ToolNode, in one run.

    python benchmarks/concurrency.py [--rounds 5]

Prints one JSON object, medians over the rounds, milliseconds. Two loads: 1,000 async tools that wait 50 ms, and 64
synchronous tools that block for 50 ms. A probe that wakes every millisecond measures the stalls.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.tools import StructuredTool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

import toolcrib
from toolcrib import ToolCall

WAIT_S = 0.05
ASYNC, BLOCKING = 1_000, 64
TOOLS = f"""
import asyncio, time
from toolcrib import tool

@tool(side_effect="read")
async def waits(number: int) -> int:
    '''Wait.'''
    await asyncio.sleep({WAIT_S})
    return number

@tool(side_effect="read")
def blocks(number: int) -> int:
    '''Block.'''
    time.sleep({WAIT_S})
    return number
"""
Load = Callable[[], Awaitable[Any]]


async def waits(number: int) -> int:
    """Wait."""
    await asyncio.sleep(WAIT_S)
    return number


def blocks(number: int) -> int:
    """Block."""
    time.sleep(WAIT_S)
    return number


def langgraph(tool: StructuredTool, calls: int) -> Load:
    """LangGraph's node with so many calls in one message."""
    graph = StateGraph(MessagesState)
    graph.add_node("tools", ToolNode([tool]))
    graph.add_edge(START, "tools")
    graph.add_edge("tools", END)
    compiled = graph.compile()
    wanted = [{"name": tool.name, "args": {"number": n}, "id": f"c{n}", "type": "tool_call"} for n in range(calls)]
    return lambda: compiled.ainvoke({"messages": [AIMessage("", tool_calls=wanted)]})


async def timed(load: Load) -> tuple[float, float]:
    """Milliseconds of the load, and of the longest stall while it ran."""
    stall, done = 0.0, asyncio.Event()

    async def probe() -> None:
        nonlocal stall
        while not done.is_set():
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            stall = max(stall, time.perf_counter() - before - 0.001)

    watching = asyncio.create_task(probe())
    await asyncio.sleep(0.01)
    began = time.perf_counter()
    await load()
    took = time.perf_counter() - began
    done.set()
    await watching
    return took * 1e3, stall * 1e3


async def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Median over rounds in which every candidate has its turn."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tools").mkdir()
        (Path(folder) / "tools" / "loads.py").write_text(TOOLS)
        (Path(folder) / "toolcrib.yaml").write_text(f"threads: {{workers: {BLOCKING}}}\n")
        async with toolcrib.open(folder) as crib:

            def ours(name: str, calls: int) -> Load:
                wanted = [ToolCall(name=name, args={"number": n}) for n in range(calls)]
                return lambda: crib.call_many(wanted, max_concurrency=calls)

            loads = {
                "toolcrib_1000_async": ours("waits", ASYNC),
                "langgraph_1000_async": langgraph(
                    StructuredTool.from_function(coroutine=waits, name="waits", description="Wait."), ASYNC
                ),
                "toolcrib_64_blocking": ours("blocks", BLOCKING),
                "langgraph_64_blocking": langgraph(
                    StructuredTool.from_function(func=blocks, name="blocks", description="Block."), BLOCKING
                ),
            }
            found: dict[str, list[tuple[float, float]]] = {name: [] for name in loads}
            for round_number in range(rounds + 1):
                for name, load in loads.items():
                    once = await timed(load)
                    if round_number:  # the first round warms up
                        found[name].append(once)
    return {
        name: {
            "wall_ms": round(statistics.median(wall for wall, _ in times), 1),
            "stall_ms": round(statistics.median(stall for _, stall in times), 1),
        }
        for name, times in found.items()
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    found = asyncio.run(measure(parser.parse_args().rounds))
    waiting, blocking = found["toolcrib_1000_async"], found["toolcrib_64_blocking"]
    aims = {
        "1,000 async calls <= 100 ms": waiting["wall_ms"] <= 100,
        "no stall over 30 ms": waiting["stall_ms"] <= 30,
        "64 blocking calls <= 75 ms": blocking["wall_ms"] <= 75,
        "no stall over 10 ms": blocking["stall_ms"] <= 10,
    }
    print(json.dumps({**found, "aims": aims}, indent=2))


if __name__ == "__main__":
    main()

"""What an operator waits for: a one-file deployment, and going back to a release in memory or only in the store.

    python benchmarks/releases.py [--rounds 40] [--tools 30]

Prints one JSON object: milliseconds (median and 95th percentile) and the aims. The project has so many tool files and
one graph; a deployment reads, verifies in the warm verifier, loads and activates it. There is no peer that goes back
without a restart, so beside it stands what a restart costs: a new process that opens the same project and answers.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import toolcrib

TOOL = '''
from toolcrib import tool

@tool(side_effect="read")
async def look_{number}(order_id: str, limit: int = 1) -> str:
    """Look an order up."""
    return f"{{order_id}} {version}"
'''
GRAPH = """
from typing import TypedDict
from langgraph.graph import END, START, StateGraph

class State(TypedDict, total=False):
    answer: str

graph = StateGraph(State)
graph.add_node("begin", lambda state: {"answer": "yes"})
graph.add_edge(START, "begin")
graph.add_edge("begin", END)
"""
RESTART = """
import asyncio, sys, toolcrib

async def main():
    async with toolcrib.open(sys.argv[1]) as crib:
        assert (await crib.call("look_0", {"order_id": "A"})).ok

asyncio.run(main())
"""


async def took_ms(work: Callable[[], Awaitable[object]]) -> float:
    """Milliseconds by the clock on the wall."""
    began = time.perf_counter()
    await work()
    return (time.perf_counter() - began) * 1e3


async def measure(root: Path, rounds: int) -> dict[str, list[float]]:
    """Each round: deploy an edit, go back to what is in memory, forget all that does not serve, go back again."""
    found: dict[str, list[float]] = {"deploy": [], "rollback_warm": [], "rollback_cold": []}
    async with toolcrib.open(root) as crib:
        for number in range(1, rounds + 1):
            before = crib.release.id
            (root / "tools" / "t0.py").write_text(TOOL.format(number=0, version=number))
            found["deploy"].append(await took_ms(crib.deploy))
            after = crib.release.id
            found["rollback_warm"].append(await took_ms(lambda to=before: crib.rollback(to)))  # type: ignore[misc]  # bound early
            await crib._wings.deployer.sweep(keep=0)
            found["rollback_cold"].append(await took_ms(lambda to=after: crib.rollback(to)))  # type: ignore[misc]  # bound early
            assert crib.release.id == after
    return found


def restarts(root: Path, rounds: int) -> list[float]:
    """Milliseconds of a process that opens the project and answers one call."""
    found = []
    for _ in range(rounds):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", RESTART, str(root)], check=True)
        found.append((time.perf_counter() - began) * 1e3)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--tools", type=int, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "tools").mkdir()
        (root / "graphs").mkdir()
        for number in range(options.tools):
            (root / "tools" / f"t{number}.py").write_text(TOOL.format(number=number, version=0))
        (root / "graphs" / "flow.py").write_text(GRAPH)
        (root / "agents.yaml").write_text('agents:\n  flow: {kind: graph, graph: "graphs/flow.py:graph"}\n')
        found = asyncio.run(measure(root, options.rounds))
        found["restart"] = restarts(root, max(2, options.rounds // 10))
    p50 = {name: statistics.median(times) for name, times in found.items()}
    report = {
        "ms": {
            name: {"p50": round(p50[name], 1), "p95": round(statistics.quantiles(times, n=20)[-1], 1)}
            for name, times in found.items()
        },
        "times_a_warm_rollback": {name: round(time / p50["rollback_warm"], 1) for name, time in p50.items()},
        "aims": {
            "one-file deployment <= 150 ms": p50["deploy"] <= 150,
            "rollback, in memory, <= 50 ms": p50["rollback_warm"] <= 50,
            "rollback, from the store, <= 1 s": p50["rollback_cold"] <= 1000,
        },
    }
    print(json.dumps(report, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()

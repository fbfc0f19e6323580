"""Tools in worker processes: what a call costs, and how soon a killed worker is replaced, beside worker threads.

    python benchmarks/processes.py [--calls 3000] [--kills 10]

Prints one JSON object. Microseconds are medians of `Crib.call` of a no-op tool with one argument, wall-clock time.
`replaced_ms` is from the end of a call's time to the answer of the next call.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path

import toolcrib
from toolcrib import Crib

TOOLS = '''
import time
from toolcrib import tool

@tool(isolation="process")
def in_process(x: int) -> int:
    """Do nothing, in a worker process."""
    return x

@tool(isolation="thread")
def in_thread(x: int) -> int:
    """Do nothing, in a worker thread."""
    return x

@tool(isolation="process", timeout_s=0.1)
def hangs() -> None:
    """Never return."""
    time.sleep(3600)

@tool(isolation="process")
def crashes() -> None:
    """End the process."""
    import os
    os.abort()

@tool(isolation="process")
def big() -> list[dict[str, int]]:
    """Many small values, about 10 MB of JSON."""
    return [{"a": n, "b": n} for n in range(500_000)]
'''
LIMIT_S = 0.1


async def call_us(crib: Crib, name: str, calls: int) -> dict[str, float]:
    """Median and 99th percentile of one tool's calls."""
    times = []
    for number in range(calls):
        began = time.perf_counter()
        await crib.call(name, {"x": number})
        times.append((time.perf_counter() - began) * 1e6)
    return {"median": round(statistics.median(times), 1), "p99": round(sorted(times)[int(calls * 0.99)], 1)}


async def kill_ms(crib: Crib, kills: int) -> dict[str, float]:
    """From the end of a hanging call's time to its result, and on to the next call's; from a crash to its result."""
    told, replaced, crashed = [], [], []
    for _ in range(kills):
        began = time.perf_counter()
        await crib.call("hangs")
        told.append((time.perf_counter() - began - LIMIT_S) * 1e3)
        await crib.call("in_process", {"x": 1})
        replaced.append((time.perf_counter() - began - LIMIT_S) * 1e3)
        began = time.perf_counter()
        await crib.call("crashes")
        crashed.append((time.perf_counter() - began) * 1e3)
    found = {"told_ms": told, "replaced_ms": replaced, "crash_told_ms": crashed}
    return {name: round(statistics.median(times), 1) for name, times in found.items()} | {
        "replaced_max_ms": round(max(replaced), 1)
    }


async def stall_ms(crib: Crib) -> float:
    """The longest the event loop stood still while a large result came."""
    longest, done = 0.0, False

    async def watch() -> None:
        nonlocal longest
        while not done:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            longest = max(longest, time.perf_counter() - began - 0.001)

    watching = asyncio.create_task(watch())
    result = await crib.call("big")
    assert result.ok, result.error
    done = True
    await watching
    return round(longest * 1e3, 1)


async def measure(calls: int, kills: int) -> dict[str, object]:
    """Everything, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tools").mkdir()
        (Path(folder) / "tools" / "nothing.py").write_text(TOOLS)
        async with toolcrib.open(folder) as crib:
            for name in ("in_process", "in_thread"):
                await call_us(crib, name, 100)
            return {
                "call_us": {name: await call_us(crib, name, calls) for name in ("in_thread", "in_process")},
                "killed": await kill_ms(crib, kills),
                "loop_stall_at_10_mb_ms": statistics.median([await stall_ms(crib) for _ in range(5)]),
            }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument("--kills", type=int, default=10)
    options = parser.parse_args()
    print(json.dumps(asyncio.run(measure(options.calls, options.kills)), indent=2))


if __name__ == "__main__":
    main()

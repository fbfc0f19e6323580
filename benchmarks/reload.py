"""Save -> live, the longest gap, and what happens to runs in flight: toolcrib beside two reloaders, in one run.

    python benchmarks/reload.py [--edits 30] [--run-seconds 1] [--clients 8]

Three real servers, one after the other, on loopback: `toolcrib dev`; `uvicorn --reload`; a server that watches its
folder and does `importlib.reload`. Against each, clients run runs of a given length (a side effect, a tool, a wait,
another tool) while a file is edited again and again and a probe asks for the version every 5 ms. Printed as JSON: save
-> live p50 and p99, the longest gap between two answered probes while editing, and the runs that failed, were executed
twice, or saw two versions.
"""

import argparse
import asyncio
import json
import os
import re
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

HERE = Path(__file__).parent
TOOL = "NUMBER = {number}\n"
OURS = '''
import asyncio, os
from pathlib import Path
from toolcrib import tool
from tools._number import NUMBER

@tool(side_effect="none")
async def first(run_id: str = "") -> int:
    """The number, at the beginning of a run; leaves a mark for every run it serves."""
    if run_id:
        with Path(os.environ["TOOLCRIB_BENCH_LOG"]).open("a") as log:
            log.write(run_id + "\\n")
    return NUMBER

@tool(side_effect="none")
async def second() -> int:
    """The number, at the end of a run."""
    return NUMBER
'''
GRAPH = """
import asyncio
from typing import TypedDict
from langgraph.graph import StateGraph
from toolcrib import ToolNode

class State(TypedDict, total=False):
    run_id: str
    wait_s: float
    seen: list[int]

node = ToolNode()

async def call(name, args, config):
    answer = await node.ainvoke({"tool": name, "tool_input": args}, config)
    return int(answer["messages"][0].content)

async def begin(state, config):
    return {"seen": [await call("first", {"run_id": state["run_id"]}, config)]}

async def wait(state):
    await asyncio.sleep(state["wait_s"])
    return {}

async def end(state, config):
    return {"seen": [*state["seen"], await call("second", {}, config)]}

graph = StateGraph(State)
for step in (begin, wait, end):
    graph.add_node(step.__name__, step)
graph.set_entry_point("begin")
graph.add_edge("begin", "wait")
graph.add_edge("wait", "end")
graph.set_finish_point("end")
"""
NAIVE = """
NUMBER = {number}

async def first() -> int:
    return NUMBER

async def second() -> int:
    return NUMBER
"""


@dataclass
class Outcome:
    """What was seen of one server."""

    live_s: list[float] = field(default_factory=list)
    seen: int = 0
    gap_s: float = 0.0
    runs: int = 0
    failed: int = 0
    torn: int = 0
    repeated: int = 0

    def report(self) -> dict[str, object]:
        """The figures, in milliseconds and counts."""
        ordered = sorted(self.live_s)
        return {
            "save_to_live_ms": {
                "p50": round(statistics.median(ordered) * 1000, 1),
                "p99": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1000, 1),
            },
            "longest_gap_ms": round(self.gap_s * 1000, 1),
            "runs": {"all": self.runs, "failed": self.failed, "repeated": self.repeated, "torn": self.torn},
        }


@dataclass
class Served:
    """A running server: how to ask it for its version and for a run, and which file to edit."""

    client: httpx.AsyncClient
    file: Path
    text: str
    log: Path
    ours: bool

    async def version(self) -> int:
        """The number it serves now."""
        if self.ours:
            answer = await self.client.post("/v1/tools/first/calls", json={"args": {}}, timeout=5)
            return int(answer.json()["value"])
        return int((await self.client.get("/version", timeout=5)).json())

    async def run(self, run_id: str, wait_s: float) -> list[int]:
        """One run; raises when the server fails it."""
        if self.ours:
            body = {"input": {"run_id": run_id, "wait_s": wait_s}}
            answer = await self.client.post("/v1/agents/storm/runs", json=body, timeout=60)
            answer.raise_for_status()
            return list(answer.json()["output"]["seen"])
        answer = await self.client.post(f"/runs/{run_id}", params={"wait_s": wait_s}, timeout=60)
        answer.raise_for_status()
        return list(answer.json())

    def save(self, number: int) -> None:
        """What most editors do: write beside, rename onto."""
        beside = self.file.with_name(f".{self.file.name}.tmp")
        beside.write_text(self.text.format(number=number))
        beside.replace(self.file)


@asynccontextmanager
async def toolcrib_dev(folder: Path) -> AsyncIterator[Served]:
    """`toolcrib dev` on a project."""
    for name, text in {
        "tools/numbers.py": OURS,
        "tools/_number.py": TOOL.format(number=0),
        "graphs/flow.py": GRAPH,
        "agents.yaml": 'agents: {storm: {kind: graph, graph: "graphs/flow.py:graph"}}\n',
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    command = [sys.executable, "-m", "toolcrib", "dev", "--project", str(folder), "--port", "0"]
    async with _process(command, folder, {}, "ours") as (client, log):
        yield Served(client, folder / "tools" / "_number.py", TOOL, log, ours=True)


@asynccontextmanager
async def naive(folder: Path, *, in_place: bool) -> AsyncIterator[Served]:
    """The peers' app, restarted by uvicorn or reloaded in place."""
    (folder / "numbers_tool.py").write_text(NAIVE.format(number=0))
    (folder / "naive_app.py").write_text((HERE / "reload_peers" / "naive_app.py").read_text())
    command = [sys.executable, "-m", "uvicorn", "naive_app:app", "--port", "0"]
    environment = {"TOOLCRIB_BENCH_INPLACE": "1"} if in_place else {}
    if not in_place:
        command += ["--reload", "--reload-dir", str(folder)]
    async with _process(command, folder, environment, "naive") as (client, log):
        yield Served(client, folder / "numbers_tool.py", NAIVE, log, ours=False)


@asynccontextmanager
async def _process(
    command: list[str], folder: Path, environment: dict[str, str], kind: str
) -> AsyncIterator[tuple[httpx.AsyncClient, Path]]:
    """Start a server, learn its address from what it prints, stop its whole process group at the end."""
    log = folder.parent / f"{kind}-effects.log"
    log.write_text("")
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        env={**os.environ, **environment, "TOOLCRIB_BENCH_LOG": str(log), "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    url = ""
    while not url:
        line = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
        if not line:
            raise RuntimeError(f"{command} ended before it served")
        if found := re.search(r"http://127\.0\.0\.1:\d+", line):
            url = found[0]
    drain = asyncio.create_task(_drain(process.stdout))
    try:
        async with httpx.AsyncClient(base_url=url, limits=httpx.Limits(max_connections=64)) as client:
            while True:
                try:
                    await client.get("/ok", timeout=1)
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
            yield client, log
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        drain.cancel()


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.readline():
        pass


async def measure(served: Served, *, edits: int, run_s: float, clients: int) -> Outcome:
    """Edit under load and watch."""
    outcome = Outcome()
    stop = asyncio.Event()
    tasks = [asyncio.create_task(_client(served, outcome, stop, run_s, number)) for number in range(clients)]
    probe = asyncio.create_task(_probe(served, outcome, stop))
    await asyncio.sleep(0.5)
    for number in range(1, edits + 1):
        began = time.perf_counter()
        served.save(number)
        while outcome.seen != number:
            if time.perf_counter() - began > 60:
                raise RuntimeError(f"edit {number} never became live")
            await asyncio.sleep(0.001)
        outcome.live_s.append(time.perf_counter() - began)
        await asyncio.sleep(0.1)
    stop.set()
    await asyncio.gather(probe, *tasks)
    marks = served.log.read_text().split()
    outcome.repeated = len(marks) - len(set(marks))
    return outcome


async def _client(served: Served, outcome: Outcome, stop: asyncio.Event, run_s: float, client: int) -> None:
    count = 0
    while not stop.is_set():
        count += 1
        outcome.runs += 1
        try:
            seen = await served.run(f"{client}-{count}", run_s)
            outcome.torn += len(set(seen)) != 1
        except (httpx.HTTPError, KeyError, TypeError):
            outcome.failed += 1
            await asyncio.sleep(0.05)


async def _probe(served: Served, outcome: Outcome, stop: asyncio.Event) -> None:
    """Ask every 5 ms; the longest time between two answers is the gap."""
    last = time.perf_counter()
    while not stop.is_set():
        try:
            outcome.seen = await served.version()
            now = time.perf_counter()
            outcome.gap_s = max(outcome.gap_s, now - last)
            last = now
        except (httpx.TransportError, ValueError, KeyError):
            pass
        await asyncio.sleep(0.005)


async def compare(options: argparse.Namespace) -> dict[str, object]:
    """All three, in one run."""
    found: dict[str, Outcome] = {}
    with tempfile.TemporaryDirectory() as folder:
        rivals = {
            "toolcrib_dev": (toolcrib_dev(_sub(folder, "ours")), options.edits),
            "importlib_reload": (naive(_sub(folder, "inplace"), in_place=True), options.edits),
            "uvicorn_reload": (naive(_sub(folder, "uvicorn"), in_place=False), max(2, options.edits // 6)),
        }
        for name, (server, edits) in rivals.items():
            async with server as served:
                found[name] = await measure(served, edits=edits, run_s=options.run_seconds, clients=options.clients)
    ours = found["toolcrib_dev"]
    ours_p50 = statistics.median(ours.live_s)
    clean = (ours.failed, ours.repeated, ours.torn) == (0, 0, 0)
    return {
        "run_seconds": options.run_seconds,
        "clients": options.clients,
        **{name: outcome.report() for name, outcome in found.items()},
        "times_our_p50": {n: round(statistics.median(o.live_s) / ours_p50, 1) for n, o in found.items()},
        "aim": {"p50_ms": 100, "p99_ms": 250, "gap_ms": 50, "0 failed, 0 repeated, 0 torn": clean},
    }


def _sub(folder: str, name: str) -> Path:
    path = Path(folder) / name / "project"
    path.mkdir(parents=True)
    return path


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edits", type=int, default=30)
    parser.add_argument("--run-seconds", type=float, default=1.0)
    parser.add_argument("--clients", type=int, default=8)
    print(json.dumps(asyncio.run(compare(parser.parse_args())), indent=2))


if __name__ == "__main__":
    main()

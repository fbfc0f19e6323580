"""A canary on a real server: who sees it, who stays, and what becomes of a good one and of a broken one."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.served import PATIENCE_S, log_of, serving

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
    from tools._number import NUMBER as late
    return late
'''
GRAPH = """
import asyncio
from typing import TypedDict
from langgraph.graph import StateGraph
from toolcrib import ToolNode
from tools._number import FAILS, NUMBER

class State(TypedDict, total=False):
    turn: int
    wait_s: float
    seen: list[int]

node = ToolNode()

async def begin(state, config):
    if state["turn"] % 10 < FAILS:
        raise RuntimeError("this release is broken")
    told = await node.ainvoke({"tool": "first", "tool_input": {}}, config)
    await asyncio.sleep(state.get("wait_s", 0.0))
    return {"seen": [NUMBER, int(told["messages"][0].content)]}

async def end(state, config):
    from tools._number import NUMBER as late
    told = await node.ainvoke({"tool": "second", "tool_input": {}}, config)
    return {"seen": [*state["seen"], NUMBER, late, int(told["messages"][0].content)]}

graph = StateGraph(State)
graph.add_node("begin", begin)
graph.add_node("end", end)
graph.set_entry_point("begin")
graph.add_edge("begin", "end")
graph.set_finish_point("end")
"""
SETTINGS = "canary: {bake_s: 3600, min_samples: 20, window_s: 600, max_latency_ratio: 100}\n"
THREADS = [f"t{number}" for number in range(80)]


def write_number(root: Path, number: int, *, fails: int = 0) -> None:
    """Another version of the project: its number, and how many of ten turns fail."""
    (root / "tools" / "_number.py").write_text(f"NUMBER = {number}\nFAILS = {fails}\n")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for name, text in {
        "tools/numbers.py": TOOLS,
        "graphs/flow.py": GRAPH,
        "agents.yaml": 'agents: {flow: {kind: graph, graph: "graphs/flow.py:graph"}}\n',
        "toolcrib.yaml": SETTINGS,
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    write_number(root, 1)
    return root


def a_run(http: httpx.Client, thread: str, turn: int, **more: Any) -> dict[str, Any]:
    """One turn of a thread, which saw one number from its beginning to its end."""
    body = {"input": {"turn": turn, **more}, "thread_id": thread}
    result: dict[str, Any] = http.post("/v1/agents/flow/runs", json=body).raise_for_status().json()
    if result["success"]:
        assert len(set(result["output"]["seen"])) == 1, result
    return result


def everybody(http: httpx.Client, turn: int) -> dict[str, str]:
    """One turn of each thread: thread -> the release that served it."""
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda thread: a_run(http, thread, turn), THREADS))
    assert all(result["success"] for result in results)
    return {result["thread_id"]: result["release"] for result in results}


@contextmanager
def traffic(http: httpx.Client) -> Iterator[list[dict[str, Any]]]:
    """Runs on ever new threads while the block lasts; their results, complete at its end."""
    results: list[dict[str, Any]] = []
    over = threading.Event()

    def keep_on(driver: int) -> None:
        turn = 0
        while not over.is_set():
            results.append(a_run(http, f"d{driver}-{turn}", turn))
            turn += 1

    with ThreadPoolExecutor(4) as pool:
        drivers = [pool.submit(keep_on, driver) for driver in range(4)]
        try:
            yield results
        finally:
            over.set()
    for driver in drivers:
        driver.result()


@contextmanager
def events(http: httpx.Client) -> Iterator[Iterator[tuple[str, dict[str, Any]]]]:
    """Everything the server tells from now on."""

    def told(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        name = ""
        for line in lines:
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield name, json.loads(line.removeprefix("data: "))

    with http.stream("GET", "/v1/events") as answer:
        yield told(answer.iter_lines())


def deployed(told: Iterator[tuple[str, dict[str, Any]]], state: str) -> dict[str, Any]:
    """The next deployment that ended so."""
    return next(data for name, data in told if name == "deployment.finished" and data["state"] == state)


def samples(http: httpx.Client, name: str) -> list[str]:
    return [line for line in http.get("/metrics").text.splitlines() if line.startswith(name)]


def test_a_good_canary_serves_its_threads_and_then_all(project: Path) -> None:
    with serving(project) as (served, http):
        stable = http.get("/v1/releases").json()["current"]
        assert set(everybody(http, 0).values()) == {stable}
        write_number(project, 2)
        begun = http.post("/v1/deployments", json={"canary": 30, "why": "a new number"}).json()
        canary = begun["release"]
        assert (begun["state"], begun["previous"], begun["why"]) == ("canary", stable, "a new number")
        first = everybody(http, 1)
        seeing = {thread for thread, release in first.items() if release == canary}
        assert 10 <= len(seeing) <= 40, "30 % of 80"
        assert everybody(http, 2) == first, "every thread stays on its side"
        http.patch("/v1/canary", json={"percent": 60}).raise_for_status()
        more = {thread for thread, release in everybody(http, 3).items() if release == canary}
        assert seeing < more, "those who saw it go on seeing it"
        status = http.get("/v1/canary").json()
        assert (status["release"], status["stable"], status["percent"], status["move"]) == (canary, stable, 60, "go_on")
        assert status["figures"]["canary"]["whole"]["runs"]["ended"] > 40
        assert f'toolcrib_canary_percent{{release="{canary}"}} 60.0' in samples(http, "toolcrib_canary_percent")
        assert sorted(samples(http, "toolcrib_release_info")) == sorted(
            [
                f'toolcrib_release_info{{channel="canary",release="{canary}"}} 1.0',
                f'toolcrib_release_info{{channel="stable",release="{stable}"}} 1.0',
            ]
        )
        with events(http) as told:
            http.patch("/v1/canary", json={"bake_s": 0.001}).raise_for_status()
            promoted = deployed(told, "promoted")
        assert (promoted["release"], promoted["previous"], promoted["actor"]) == (canary, stable, "guard")
        assert "nothing is worse" in promoted["why"]
        assert set(everybody(http, 4).values()) == {canary}
        listed = http.get("/v1/releases").json()
        assert listed["channel"] == {"stable": canary, "canary": None, "held": {}}
        assert http.get("/v1/canary").status_code == 404
        ledger = http.get("/v1/ledger").json()["summary"]
        assert (ledger["failed"], ledger["mixed"], ledger["finished"]) == (0, 0, 400)
        assert served.stop() == 0


def test_a_broken_canary_goes_by_itself_and_harms_nobody_else(project: Path) -> None:
    with serving(project) as (served, http):
        stable = http.get("/v1/releases").json()["current"]
        everybody(http, 9)
        write_number(project, 2, fails=6)
        deploy = [sys.executable, "-m", "toolcrib", "deploy", "--canary", "30", "--wait", "--json", "--url", served.url]
        with events(http) as told, subprocess.Popen(deploy, stdout=subprocess.PIPE, text=True) as waiting:
            canary = deployed(told, "canary")["release"]
            with ThreadPoolExecutor(20) as pool, traffic(http) as results:
                slow = [pool.submit(a_run, http, f"slow{number}", 9, wait_s=4.0) for number in range(20)]
                incident = next(data for name, data in told if name == "canary.rolled_back")
                mark = len(results)
                everybody(http, 9)
            out, _ = waiting.communicate(timeout=PATIENCE_S)
        assert (incident["release"], incident["stable"]) == (canary, stable)
        assert " failed: " in incident["why"]
        assert waiting.returncode == 6
        ended = json.loads(out)
        assert (ended["state"], ended["release"], ended["actor"]) == ("withdrawn", canary, "guard")
        assert ended["why"] == incident["why"]
        assert ended["figures"]["canary"]["whole"]["runs"]["errors"] > 5
        failed = [result for result in results if not result["success"]]
        assert {result["release"] for result in failed} == {canary}
        assert len(failed) < 200
        assert {result["release"] for result in results[mark + 50 :]} <= {stable}
        in_flight = [run.result() for run in slow]
        assert all(result["success"] for result in in_flight)
        assert {result["release"] for result in in_flight} == {stable, canary}, "runs of the canary ended on it"
        assert http.get("/v1/ledger").json()["summary"]["mixed"] == 0
        assert served.stop() == 0
    entries = [json.loads(line) for line in log_of(project).read_text().splitlines()]
    (error,) = [entry for entry in entries if entry["event"] == "canary_rolled_back"]
    assert (error["level"], error["release"], error["why"]) == ("error", canary, incident["why"])


def test_a_canary_outlives_a_restart(project: Path) -> None:
    with serving(project) as (served, http):
        write_number(project, 2)
        canary = http.post("/v1/deployments", json={"tenants": ["acme"]}).json()["release"]
        since = http.get("/v1/canary").json()["since"]
        assert served.stop() == 0
    with serving(project) as (served, http):
        status = http.get("/v1/canary").json()
        assert (status["release"], status["since"], status["tenants"]) == (canary, since, ["acme"])
        call = {"args": {}, "tenant": "acme"}
        assert http.post("/v1/tools/first/calls", json=call).json()["value"] == 2
        assert http.post("/v1/tools/first/calls", json={"args": {}}).json()["value"] == 1
        assert http.request("DELETE", "/v1/canary").json()["state"] == "withdrawn"
        assert http.post("/v1/tools/first/calls", json=call).json()["value"] == 1
        assert served.stop() == 0

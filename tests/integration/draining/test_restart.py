"""A server that is told to stop: it takes no new work, and no run is lost by its restart."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.served import PATIENCE_S, Served, log_of, serving

GRAPH = """
import asyncio
import operator
from pathlib import Path
from typing import Annotated, TypedDict
from langgraph.graph import StateGraph

HOLD = Path({hold!r})

class State(TypedDict, total=False):
    said: Annotated[list, operator.add]

async def one(state):
    while HOLD.exists():
        await asyncio.sleep(0.01)
    return {{"said": ["{word} one"]}}

async def two(state):
    return {{"said": ["{word} two"]}}

graph = StateGraph(State)
graph.add_node("one", one)
graph.add_node("two", two)
graph.set_entry_point("one")
graph.add_edge("one", "two")
graph.set_finish_point("two")
"""


def write(root: Path, word: str) -> None:
    (root / "graphs" / "walker.py").write_text(GRAPH.format(word=word, hold=str(root.parent / "hold")))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "graphs").mkdir(parents=True)
    (root / "agents.yaml").write_text('agents: {walker: {kind: graph, graph: "graphs/walker.py:graph"}}')
    (root / "toolcrib.yaml").write_text("server: {drain_s: 1}")
    (tmp_path / "hold").touch()
    write(root, "v1")
    return root


@contextmanager
def a_run_in_its_first_step(served: Served) -> Iterator[list[dict[str, Any]]]:
    """The answers that its client gets."""
    answers: list[dict[str, Any]] = []

    def ask() -> None:
        body = {"input": {}, "thread_id": "t"}
        answers.append(httpx.post(f"{served.url}/v1/agents/walker/runs", json=body, timeout=PATIENCE_S).json())

    client = threading.Thread(target=ask)
    with httpx.stream("GET", f"{served.url}/v1/events", timeout=PATIENCE_S) as events:
        client.start()
        assert "event: node.started" in events.iter_lines()
    yield answers
    client.join(PATIENCE_S)


def only_run(http: httpx.Client) -> dict[str, Any]:
    (run,) = http.get("/v1/ledger").json()["runs"]
    return dict(run)


def gone_on(http: httpx.Client, run_id: str) -> dict[str, Any]:
    """The run, when the next process has brought it to its end."""
    for _ in range(10_000):
        run = only_run(http)
        if run["status"] not in ("suspended", "running"):
            break
    assert run["run_id"] == run_id
    return run


def test_a_stopping_server_refuses_new_work_and_a_run_goes_on_after_the_restart(project: Path) -> None:
    with serving(project) as (served, http), a_run_in_its_first_step(served) as answers:
        first = http.get("/v1/releases").json()["current"]
        served.process.send_signal(signal.SIGTERM)
        served.line("stopping: ")
        refused = http.post("/v1/agents/walker/runs", json={"input": {}})
        assert (refused.status_code, refused.json()["code"]) == (503, "server_stopping")
        assert refused.headers["retry-after"] == "1"
        assert httpx.get(f"{served.url}/readyz").status_code == 503
        write(project, "v2")
        threading.Timer(0.7, (project.parent / "hold").unlink).start()
        assert served.process.wait(PATIENCE_S) == 0
    (answer,) = answers
    assert (answer["success"], answer["error"]["code"]) == (False, "run_stopped")

    with serving(project) as (served, http):
        assert http.get("/v1/releases").json()["current"] != first
        run = gone_on(http, answer["run_id"])
        assert (run["status"], run["releases_seen"]) == ("success", [first])
        assert http.post("/v1/agents/walker/runs", json={"input": {}, "thread_id": "t"}).json()["output"]["said"] == [
            *("v1 one", "v1 two", "v2 one", "v2 two")
        ]


def test_what_does_not_stop_in_time_is_cut_and_told(project: Path) -> None:
    with serving(project) as (served, _), a_run_in_its_first_step(served) as answers:
        served.process.send_signal(signal.SIGTERM)
        served.line("stopping: ")
        served.process.send_signal(signal.SIGTERM)
        cut = served.line("cut: run ")
        assert served.process.wait(PATIENCE_S) == 0
    (answer,) = answers
    assert answer["error"]["code"] == "run_cut"
    assert f"cut: run {answer['run_id']} of walker, thread t" in cut
    assert "runs cut" in log_of(project).read_text()

"""A project watched as its operators do: metrics, hooks and log lines of real calls, runs and deployments."""

import asyncio
import json
import logging
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from prometheus_client.parser import text_string_to_metric_families

import toolcrib
from tests.unit.server.conftest import TOOLS, open_door, write_project
from toolcrib.core.events import Event, NodeFinished, RunFinished, ToolFinished
from toolcrib.core.redaction import Secrets
from toolcrib.runtime.crib import Crib
from toolcrib.server.logs import configure_logs

pytestmark = pytest.mark.anyio
PAGE = Path(__file__).parents[2] / "docs" / "observability.md"
WITHIN_S = 10.0
SLOW = '''
import asyncio
from toolcrib import tool

@tool(side_effect="none")
async def waits() -> str:
    """Never ends."""
    await asyncio.Event().wait()
'''
Values = dict[str, dict[tuple[str, ...], float]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path)


@pytest.fixture
def logs() -> Iterator[None]:
    """Loggers as they were, after a test that configures them."""
    loggers = [logging.getLogger(name) for name in ("", "toolcrib.events", "toolcrib.releases")]
    before = [(one, one.level, one.handlers[:]) for one in loggers]
    yield
    for one, level, kept in before:
        one.setLevel(level)
        one.handlers[:] = kept


def parsed(text: bytes) -> Values:
    """Series -> label values in order of the label names -> value; to Prometheus an empty label is none."""
    found: Values = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            key = tuple(value for _, value in sorted(sample.labels.items()) if value)
            found.setdefault(sample.name, {})[key] = sample.value
    return found


async def metrics_of(crib: Crib) -> Values:
    return parsed(await crib.metrics())


async def test_calls_runs_and_deployments_are_counted(project: Path) -> None:
    async with toolcrib.open(project) as crib:
        first = crib.release.id
        await crib.call("greet", {"name": "Ada"})
        await crib.call("greet", {"wrong": 1})
        await crib.call("fail")
        await crib.call("invented")
        await crib.run("greeter", {"name": "Ada"})
        await crib.run("greeter", {"ask": True})
        await crib.run("greeter", {"fail": True})
        (project / "tools" / "words.py").write_text("def (\n")
        assert (await crib.deploy()).state == "rejected"
        (project / "tools" / "words.py").write_text(TOOLS.replace("hello", "hi"))
        second = (await crib.deploy()).release
        await crib.call("greet", {"name": "Ada"})
        told = await metrics_of(crib)

    assert told["tool_calls_total"] == {
        ("ok", first, "greet"): 2,
        ("arguments_invalid", first, "greet"): 1,
        ("tool_error", first, "fail"): 1,
        ("tool_not_found", first, "unknown"): 1,
        ("ok", second, "greet"): 1,
    }
    assert told["tool_execution_time_seconds_count"] == {("greet",): 3, ("fail",): 1}
    assert told["agent_requests_total"] == {
        ("greeter", "ok"): 1,
        ("greeter", "interrupted"): 1,
        ("greeter", "run_failed"): 1,
    }
    assert told["agent_execution_time_seconds_count"] == told["agent_iterations_count"] == {("greeter",): 3}
    assert told["toolcrib_deployments_total"] == {("active",): 2, ("rejected",): 1}
    assert told["toolcrib_release_info"] == {("stable", second): 1}
    assert told["toolcrib_releases_in_memory"] == {(): 2}
    assert told["toolcrib_generation"] == {(): 2}
    assert told["toolcrib_pool_size"]["threads",] == told["toolcrib_pool_started_total"]["threads",] >= 1


async def test_a_tool_that_the_models_agent_does_not_have_counts_as_unknown(project: Path) -> None:
    graph = project / "graphs" / "greet.py"
    graph.write_text(graph.read_text().replace('"tool": "greet"', '"tool": "made_up"'))
    async with toolcrib.open(project) as crib:
        await crib.run("greeter", {"name": "Ada"})
        assert (await metrics_of(crib))["tool_calls_total"] == {("tool_not_found", crib.release.id, "unknown"): 1}


async def test_calls_and_runs_whose_caller_leaves_are_counted_as_cancelled(project: Path) -> None:
    (project / "tools" / "slow.py").write_text(SLOW)
    graph = project / "graphs" / "greet.py"
    graph.write_text(graph.read_text().replace('"tool": "greet", "tool_input": {"name": name}', '"tool": "waits"'))
    async with toolcrib.open(project) as crib:
        events = crib.events()
        task = asyncio.ensure_future(crib.run("greeter", {"name": "Ada"}))
        with anyio.fail_after(WITHIN_S):
            while (await anext(events)).name != "tool.started":
                pass
            assert (await metrics_of(crib))["toolcrib_release_leases"]["run", crib.release.id] == 1
            task.cancel()
            await asyncio.wait([task])
        told = await metrics_of(crib)
        assert told["tool_calls_total"] == {("cancelled", crib.release.id, "waits"): 1}
        assert told["agent_requests_total"] == {("greeter", "cancelled"): 1}
        assert "toolcrib_release_leases" not in told


async def test_a_slow_and_a_failing_hook_touch_no_call_and_all_is_heard_in_order(project: Path) -> None:
    go_on, heard = threading.Event(), []

    def slow(event: Event) -> None:
        go_on.wait(WITHIN_S)
        heard.append(event)

    async def fails(event: Event) -> None:
        raise ValueError("no")

    async with toolcrib.open(project, hooks=(slow, fails)) as crib:
        with anyio.fail_after(WITHIN_S):
            results = [(await crib.call("greet", {"name": str(n)})).value for n in range(20)]
        told = await metrics_of(crib)
        assert told["toolcrib_events_waiting"][("hook",)] >= 39
        assert told["events_dropped_total"] == {("hook",): 0, ("subscriber",): 0}
        go_on.set()
    assert results == [f"hello {n}" for n in range(20)]
    finished = [event.result.value for event in heard if isinstance(event, ToolFinished)]
    assert finished == results


async def test_hooks_hear_of_the_nodes_of_a_graph(project: Path) -> None:
    heard: list[Event] = []
    async with toolcrib.open(project, hooks=(heard.append,)) as crib:
        good = await crib.run("greeter", {"name": "Ada"})
        await crib.run("greeter", {"ask": True})
        await crib.run("greeter", {"fail": True})
    names = [event.name for event in heard if getattr(event, "run_id", good.run_id) == good.run_id]
    assert names[1:5] == ["run.started", "node.started", "tool.started", "tool.finished"]
    ends = [event for event in heard if isinstance(event, NodeFinished)]
    assert [(end.node, end.agent, end.outcome) for end in ends] == [
        ("work", "greeter", "ok"),
        ("work", "greeter", "interrupted"),
        ("work", "greeter", "error"),
    ]
    assert (ends[0].run_id, ends[0].thread_id, ends[0].release) == (good.run_id, good.thread_id, good.release)
    assert 0 < ends[0].duration_s <= good.execution_time_s
    (tool, *_) = [event for event in heard if isinstance(event, ToolFinished)]
    assert (tool.run_id, tool.thread_id, tool.agent) == (good.run_id, good.thread_id, "greeter")
    assert [event.result.success for event in heard if isinstance(event, RunFinished)] == [True, True, False]


def test_synchronous_code_has_metrics_and_hooks_too(project: Path) -> None:
    heard: list[Event] = []
    with toolcrib.open_sync(project, hooks=(heard.append,)) as crib:
        crib.call("greet", {"name": "Ada"})
        assert parsed(crib.metrics())["tool_calls_total"] == {("ok", crib.release.id, "greet"): 1}
    assert [event.name for event in heard] == ["deployment.finished", "tool.started", "tool.finished"]


async def test_the_server_answers_metrics_with_its_guards(project: Path) -> None:
    async with open_door(project) as door:
        await door.http.post("/v1/tools/greet/calls", json={"args": {"name": "Ada"}})
        answer = await door.http.get("/metrics")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert parsed(answer.content)["tool_calls_total"] == {("ok", door.crib.release.id, "greet"): 1}
        assert (await door.http.get("/metrics", headers={"host": "elsewhere.example"})).status_code == 421


async def test_every_metric_stands_on_the_page_and_every_metric_of_the_page_is_there(project: Path) -> None:
    async with toolcrib.open(project) as crib:
        text = (await crib.metrics()).decode()
    there = {name: kind for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE)}
    page = PAGE.read_text(encoding="utf-8")
    told = {name: kind for name, kind in re.findall(r"^\| `(\w+)` \| (counter|gauge|histogram) \|", page, re.MULTILINE)}
    assert told == there


@pytest.mark.usefixtures("logs")
async def test_what_a_request_did_stands_in_json_lines_with_its_id(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(for_people=False, guard=Secrets({}).log_filter)
    async with open_door(project) as door:
        headers = {"x-request-id": "req-1"}
        await door.http.post(
            "/v1/tools/greet/calls", json={"args": {"name": "hunter2"}, "tenant": "t"}, headers=headers
        )
        await door.http.post("/v1/tools/fail/calls", json={}, headers={"x-request-id": "req-2"})
        run = {"input": {"name": "hunter2"}, "thread_id": "th"}
        await door.http.post("/v1/agents/greeter/runs", json=run, headers={"x-request-id": "req-3"})
        release = door.crib.release.id
    told = capsys.readouterr().err
    lines = [json.loads(line) for line in told.splitlines()]
    assert "hunter2" not in told
    assert all({"timestamp", "level", "logger", "event"} <= set(line) for line in lines)
    deployment, greet, asked, fail, *_ = [line for line in lines if line["logger"] != "toolcrib.runtime.build"]
    assert (deployment["event"], deployment["outcome"], deployment["release"]) == ("deployment", "active", release)
    wanted = {"tool": "greet", "release": release, "tenant": "t", "outcome": "ok", "request_id": "req-1"}
    assert {key: greet[key] for key in wanted} == wanted
    assert (greet["event"], greet["level"], greet["logger"]) == ("tool_execution", "info", "toolcrib.events")
    assert greet["duration_ms"] > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", greet["timestamp"])
    assert (asked["event"], asked["request_id"], asked["status"]) == ("request", "req-1", 200)
    assert (fail["level"], fail["outcome"], fail["error_code"]) == ("warning", "tool_error", "tool_error")
    (ran,) = [line for line in lines if line["event"] == "agent_execution"]
    wanted = {"agent": "greeter", "thread_id": "th", "outcome": "ok", "request_id": "req-3", "release": release}
    assert {key: ran[key] for key in wanted} == wanted
    (inner,) = [line for line in lines if line["event"] == "tool_execution" and line["run_id"]]
    assert (inner["run_id"], inner["thread_id"], inner["request_id"]) == (ran["run_id"], "th", "req-3")

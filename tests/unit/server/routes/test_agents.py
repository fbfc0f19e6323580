"""Listing, showing and running agents over HTTP."""

import json
from typing import Any

import anyio
import httpx
import pytest

from tests.unit.server.conftest import Door

pytestmark = pytest.mark.anyio
RUNS = "/v1/agents/greeter/runs"


def events_of(text: str) -> list[tuple[str, Any, str]]:
    """(event, data, id) of a stream's text."""
    frames = [dict(line.split(": ", 1) for line in block.splitlines()) for block in text.strip().split("\n\n")]
    return [(frame["event"], json.loads(frame["data"]), frame.get("id", "")) for frame in frames]


async def test_agents_are_listed_and_shown_with_their_tools_and_limits(reading: Door) -> None:
    listed = (await reading.http.get("/v1/agents")).json()
    shown = (await reading.http.get("/v1/agents/greeter")).json()
    assert listed == [shown]
    assert (shown["kind"], shown["description"]) == ("graph", "Greets people.")
    assert shown["tools"] == ["fail", "greet", "huge"]
    assert shown["limits"]["iterations"] == 10
    assert shown["release"] == reading.crib.release.id


async def test_a_run_answers_with_its_result_and_stands_in_the_ledger(reading: Door) -> None:
    answer = await reading.http.post(RUNS, json={"input": {"name": "Ada"}})
    result = answer.json()
    assert answer.status_code == 200
    assert result["success"] is True
    assert result["output"]["answer"] == "hello Ada"
    ledger = (await reading.http.get("/v1/ledger")).json()
    run = next(run for run in ledger["runs"] if run["run_id"] == result["run_id"])
    assert (run["status"], run["releases_seen"]) == ("success", [result["release"]])
    assert ledger["summary"]["mixed"] == 0


async def test_a_run_that_failed_is_a_result_and_no_problem(reading: Door) -> None:
    answer = await reading.http.post(RUNS, json={"input": {"fail": True}})
    assert answer.status_code == 200
    assert answer.json()["success"] is False
    assert "the graph broke" in answer.json()["error"]["message"]


@pytest.mark.parametrize("asked", [{"stream": True}, {}])
async def test_a_stream_tells_each_step_and_ends_with_the_result_and_end(reading: Door, asked: dict[str, bool]) -> None:
    accept = {} if asked else {"accept": "text/event-stream"}
    answer = await reading.http.post(RUNS, json={"input": {"name": "Bo"}, **asked}, headers=accept)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    told = events_of(answer.text)
    assert told[0][0] == "run.started"
    assert {"tool.started", "tool.finished"} <= {event for event, _, _ in told}
    assert [event for event, _, _ in told][-2:] == ["run.finished", "end"]
    assert told[-2][1]["output"]["answer"] == "hello Bo"
    assert [ident for _, _, ident in told[:-1]] == [str(number) for number in range(1, len(told))]


@pytest.mark.parametrize("stream", [False, True])
async def test_an_unknown_agent_is_a_404_with_near_names_also_for_a_stream(reading: Door, stream: bool) -> None:
    answer = await reading.http.post("/v1/agents/greter/runs", json={"question": "hi", "stream": stream})
    assert answer.status_code == 404
    assert (answer.json()["code"], answer.json()["hint"]) == ("agent_not_found", "Did you mean 'greeter'?")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_run_that_waits_for_a_human_is_resumed_on_its_thread(reading: Door, stream: bool) -> None:
    thread = f"ask-{stream}"
    waiting = (await reading.http.post(RUNS, json={"input": {"ask": True}, "thread_id": thread})).json()
    assert waiting["interrupts"] == [{"question": "who?"}]
    again = await reading.http.post(RUNS, json={"input": {"name": "x"}, "thread_id": thread, "stream": stream})
    assert (again.status_code, again.json()["code"], again.json()["retryable"]) == (409, "thread_busy", True)
    done = (await reading.http.post(RUNS, json={"resume": "Cy", "thread_id": thread})).json()
    assert done["output"]["answer"] == "hello Cy"


async def test_an_agent_that_is_gone_can_still_be_resumed_on_its_own_release(door: Door) -> None:
    waiting = (await door.http.post(RUNS, json={"input": {"ask": True}, "thread_id": "t"})).json()
    (door.root / "agents.yaml").write_text("agents: {}\n")
    refused = await door.http.post("/v1/deployments")
    assert (refused.status_code, "'t'" in refused.text, "stranded" in refused.text) == (422, True, True)
    assert (await door.http.post("/v1/deployments", json={"accept": ["stranded"]})).status_code == 200
    assert (await door.http.get("/v1/agents/greeter")).status_code == 404
    done = (await door.http.post(RUNS, json={"resume": "Di", "thread_id": "t"})).json()
    assert (done["output"]["answer"], done["release"]) == ("hello Di", waiting["release"])


@pytest.mark.parametrize("stream", [False, True])
async def test_a_tier_that_the_agent_does_not_have_is_refused(reading: Door, stream: bool) -> None:
    answer = await reading.http.post(RUNS, json={"input": {"name": "x"}, "tier": "simple", "stream": stream})
    assert (answer.status_code, answer.json()["code"]) == (422, "input_invalid")
    assert "It has no tiers" in answer.json()["hint"]


async def test_a_resume_without_anything_to_resume_is_a_conflict(reading: Door) -> None:
    answer = await reading.http.post(RUNS, json={"resume": "x", "thread_id": "nobody"})
    assert (answer.status_code, answer.json()["code"]) == (409, "resume_refused")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"question": "a", "input": {}}, "body"),
        ({"question": "a", "thread_id": "a\x1fb"}, "thread_id"),
        ({"question": "a", "tenant": "x" * 201}, "tenant"),
        ({"question": "a", "thread": "t"}, "thread"),
        ({"question": "a", "tier": "huge"}, "tier"),
        ({"question": "a", "stream": True, "modes": ["update"]}, "modes.0"),
        ({"question": "a", "modes": ["updates"]}, "body"),
    ],
)
async def test_a_request_that_does_not_fit_names_the_field(reading: Door, body: dict[str, Any], field: str) -> None:
    answer = await reading.http.post(RUNS, json=body)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]


async def test_a_run_goes_on_when_its_client_leaves(door: Door) -> None:
    body = b'{"input": {"name": "Eve"}, "thread_id": "left"}'
    sent = False

    async def receive() -> dict[str, Any]:
        nonlocal sent
        if sent:
            await anyio.sleep_forever()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        raise AssertionError("the client left before any answer")

    scope = {
        "type": "http",
        "method": "POST",
        "path": RUNS,
        "raw_path": RUNS.encode(),
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
    }
    happening = door.recent.after()
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(door.app, scope, receive, send)
            assert (await anext(happening)).event == "run.started"
            group.cancel_scope.cancel()
    assert await door.inflight.drain(5) == 0
    runs = (await door.http.get("/v1/ledger")).json()["runs"]
    assert [(run["thread_id"], run["status"]) for run in runs] == [("left", "success")]


async def test_a_server_that_stops_begins_no_run_and_says_when_to_come_back(door: Door) -> None:
    door.stop.set()
    answer: httpx.Response = await door.http.post(RUNS, json={"input": {"name": "Flo"}, "stream": True})
    assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (503, "server_stopping", True)
    assert answer.headers["retry-after"] == "10"
    assert await door.crib.recent_runs() == []
    assert (await door.http.get("/v1/ledger")).status_code == 200, "what is there can be looked at"
    assert (await door.http.post("/v1/tasks/none/cancel")).status_code == 404, "and cancelled"

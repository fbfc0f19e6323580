"""Listing, showing and calling tools over HTTP."""

import asyncio
from pathlib import Path

import anyio
import pytest

from tests.unit.server.conftest import Door, open_door, write_project

pytestmark = pytest.mark.anyio


async def test_the_list_holds_every_tool_with_its_schema_and_place(reading: Door) -> None:
    tools = (await reading.http.get("/v1/tools")).json()
    assert [tool["name"] for tool in tools] == ["fail", "greet", "huge"]
    greet = tools[1]
    assert greet["args_schema"]["required"] == ["name"]
    assert (greet["file"], greet["examples"]) == ("tools/words.py", ["Greet Ada"])
    assert greet["policy"]["side_effect"] == "none"


async def test_one_tool_is_shown_as_it_stands_in_the_list(reading: Door) -> None:
    listed = (await reading.http.get("/v1/tools")).json()
    shown = (await reading.http.get("/v1/tools/greet")).json()
    assert shown in listed


async def test_a_call_answers_with_the_whole_result(reading: Door) -> None:
    answer = await reading.http.post("/v1/tools/greet/calls", json={"args": {"name": "Ada", "times": 2}})
    result = answer.json()
    assert answer.status_code == 200
    assert (result["ok"], result["value"], result["error"]) == (True, "hello Ada hello Ada", None)
    assert (result["tool"], result["release"]) == ("greet", reading.crib.release.id)
    assert result["call_id"]


async def test_a_tool_that_failed_is_a_result_and_no_problem(reading: Door) -> None:
    answer = await reading.http.post("/v1/tools/fail/calls", json={})
    result = answer.json()
    assert answer.status_code == 200
    assert result["ok"] is False
    assert (result["error"]["code"], result["error"]["hint"]) == ("tool_error", "Come back tomorrow.")


async def test_an_unknown_tool_is_a_404_with_near_names(reading: Door) -> None:
    for answer in (
        await reading.http.get("/v1/tools/gret"),
        await reading.http.post("/v1/tools/gret/calls", json={"args": {}}),
    ):
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "tool_not_found"
        assert "greet" in answer.json()["hint"]


async def test_arguments_that_do_not_fit_are_a_422_that_names_them(reading: Door) -> None:
    answer = await reading.http.post("/v1/tools/greet/calls", json={"args": {"name": "Ada", "times": "often"}})
    told = answer.json()
    assert answer.status_code == 422
    assert (told["code"], told["type"]) == ("arguments_invalid", "urn:toolcrib:error:arguments_invalid")
    assert "times" in told["detail"]
    assert "name, times" in told["hint"]


async def test_numbers_beyond_64_bits_arrive_whole(reading: Door) -> None:
    answer = await reading.http.post("/v1/tools/huge/calls", json={})
    assert answer.json()["value"] == {"number": 2**80}


async def test_half_a_character_in_the_arguments_is_told_and_breaks_nothing(reading: Door) -> None:
    kind = {"content-type": "application/json"}
    name = await reading.http.post("/v1/tools/greet/calls", content=b'{"args": {"\\ud800": 1}}', headers=kind)
    assert (name.status_code, name.json()["code"]) == (422, "arguments_invalid")
    value = await reading.http.post("/v1/tools/greet/calls", content=b'{"args": {"name": "\\ud800"}}', headers=kind)
    assert (value.status_code, value.json()["ok"]) == (200, True)


async def test_the_time_limit_of_the_call_is_handed_on(reading: Door) -> None:
    answer = await reading.http.post("/v1/tools/greet/calls", json={"args": {"name": "Ada"}, "timeout_s": 0})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "timeout_s"
    answer = await reading.http.post("/v1/tools/greet/calls", json={"args": {"name": "Ada"}, "timeout_s": 1e-9})
    assert answer.json()["error"]["code"] == "deadline_exceeded"


FRAGILE = '''
from toolcrib import Escalate, tool

@tool(side_effect="none", escalate=Escalate(after=2, window_s=60))
async def fragile(secret: str) -> str:
    """Breaks."""
    raise ConnectionError("no route")
'''


async def test_the_errors_of_a_tool_are_told_the_newest_first_each_tenants_apart(door: Door) -> None:
    door.tools.write_text(FRAGILE)
    await door.crib.deploy()
    for tenant in ("a", "a", "a", "b"):
        await door.http.post("/v1/tools/fragile/calls", json={"args": {"secret": "hush"}, "tenant": tenant})
    answer = await door.http.get("/v1/tools/fragile/errors")
    told = answer.json()
    assert [(one["tenant"], one["severity"], one["escalated"]) for one in told["errors"]] == [
        ("b", "MEDIUM", False),
        ("a", "HIGH", True),
        ("a", "MEDIUM", False),
        ("a", "MEDIUM", False),
    ]
    first = told["errors"][0]
    assert (first["code"], first["release"]) == ("tool_failed", door.crib.release.id)
    assert first["message"] == "Tool 'fragile' failed: ConnectionError: no route"
    assert [(one["tool"], one["tenant"]) for one in told["escalated"]] == [("fragile", "a")]
    assert "hush" not in answer.text
    assert f'tool_escalations_total{{release="{door.crib.release.id}",tool="fragile"}} 1.0' in (
        (await door.http.get("/metrics")).text
    )

    only = (await door.http.get("/v1/tools/fragile/errors?tenant=b&limit=5")).json()
    assert ([one["tenant"] for one in only["errors"]], only["escalated"]) == (["b"], [])
    newest = (await door.http.get("/v1/tools/fragile/errors?limit=1")).json()
    assert newest["errors"] == told["errors"][:1]


async def test_a_tool_without_errors_has_none_one_that_is_gone_keeps_its_own_and_nobodys_is_a_404(door: Door) -> None:
    await door.http.post("/v1/tools/fail/calls", json={})
    door.tools.write_text(FRAGILE)
    await door.crib.deploy()
    assert (await door.http.get("/v1/tools/fragile/errors")).json() == {"escalated": [], "errors": []}
    gone = (await door.http.get("/v1/tools/fail/errors")).json()
    assert [one["code"] for one in gone["errors"]] == ["tool_error"]
    nobody = await door.http.get("/v1/tools/fragil/errors")
    assert (nobody.status_code, nobody.json()["code"]) == (404, "tool_not_found")
    assert (await door.http.get("/v1/tools/fail/errors?tenant=x")).status_code == 404, "not of this tenant"


async def test_the_policy_for_an_agent_that_does_not_exist_is_404_with_near_names(reading: Door) -> None:
    answer = await reading.http.get("/v1/tools/greet", params={"agent": "greter"})

    assert (answer.status_code, answer.json()["code"]) == (404, "agent_not_found")
    assert "greeter" in answer.json()["hint"]


WAITS = '''
import asyncio
from toolcrib import tool

@tool(side_effect="none")
async def waits() -> None:
    """Never ends."""
    await asyncio.Event().wait()
'''


async def test_a_call_above_the_limit_of_the_process_is_a_503_that_says_when_to_come_again(tmp_path: Path) -> None:
    root = write_project(tmp_path)
    (root / "tools" / "waits.py").write_text(WAITS)
    (root / "toolcrib.yaml").write_text("calls: {concurrency: 1, queue: 0}\n")
    async with open_door(root) as door:
        events = door.crib.events()
        first = asyncio.ensure_future(door.crib.call("waits"))
        with anyio.fail_after(10):
            while (await anext(events)).name != "tool.started":
                pass
            answer = await door.http.post("/v1/tools/greet/calls", json={"args": {"name": "Ada"}})
            first.cancel()
            await asyncio.wait([first])
            assert (await door.http.post("/v1/tools/greet/calls", json={"args": {"name": "Ada"}})).status_code == 200
    told = answer.json()
    assert (answer.status_code, told["code"], told["retryable"]) == (503, "queue_full", True)
    assert told["detail"] == "1 calls run in this process and 0 wait already."
    assert answer.headers["retry-after"] == "1"


BUSY = """
from toolcrib import tool

@tool(side_effect="read")
async def fails() -> str:
    "Fails."
    raise OSError("down")

@tool(side_effect="read")
async def rare() -> str:
    "Seldom."
    return "here"
"""


async def test_a_call_above_the_rate_and_one_of_a_tool_that_rests_are_told_when_to_come_again(tmp_path: Path) -> None:
    root = write_project(tmp_path)
    (root / "tools" / "busy.py").write_text(BUSY)
    breaker = "{min_calls: 1, failure_rate: 0.5, open_s: 30}"
    rate = "{calls: 1, per_s: 60, excess: reject}"
    (root / "tools.yaml").write_text(f"tools: {{fails: {{breaker: {breaker}}}, rare: {{rate_limit: {rate}}}}}\n")
    async with open_door(root) as door:
        first = [await door.http.post(f"/v1/tools/{name}/calls") for name in ("rare", "fails")]
        above, resting = [await door.http.post(f"/v1/tools/{name}/calls") for name in ("rare", "fails")]
    assert [answer.status_code for answer in first] == [200, 200]
    assert (above.status_code, above.json()["code"]) == (429, "rate_limited")
    assert (resting.status_code, resting.json()["code"]) == (503, "circuit_open")
    assert 50 < int(above.headers["retry-after"]) <= 60
    assert 25 < int(resting.headers["retry-after"]) <= 30


async def test_a_call_without_a_body_is_one_without_arguments(reading: Door) -> None:
    assert (await reading.http.post("/v1/tools/huge/calls")).json()["ok"] is True
    missing = await reading.http.post("/v1/tools/greet/calls")
    assert (missing.status_code, "name: is required" in missing.json()["detail"]) == (422, True)


async def test_a_call_above_the_limit_that_waits_for_a_person_is_a_result_that_names_its_task(tmp_path: Path) -> None:
    root = write_project(tmp_path)
    (root / "tools" / "waits.py").write_text(WAITS)
    (root / "tools.yaml").write_text(
        "tools: {waits: {concurrency: {limit: 1, queue: 0}, on_error: {QueueFull: manual}}}"
    )
    async with open_door(root) as door:
        events = door.crib.events()
        first = asyncio.ensure_future(door.crib.call("waits"))
        with anyio.fail_after(10):
            while (await anext(events)).name != "tool.started":
                pass
            answer = await door.http.post("/v1/tools/waits/calls", json={})
            first.cancel()
            await asyncio.wait([first])
    assert (answer.status_code, answer.json()["error"]["code"]) == (200, "queue_full")
    assert answer.json()["error"]["task"]


async def test_lists_calls_and_near_names_are_those_of_the_tenant_that_asks(door: Door) -> None:
    own = door.root / "tenants" / "acme" / "tools" / "own.py"
    own.parent.mkdir(parents=True)
    own.write_text("from toolcrib import tool\n\n@tool\ndef welcome() -> str:\n    'Welcome acme.'\n    return 'hi'\n")
    assert (await door.http.post("/v1/deployments", json={})).json()["state"] == "active"
    for query, sees in (("?tenant=acme", True), ("?tenant=globex", False), ("", False)):
        listed = [one["name"] for one in (await door.http.get(f"/v1/tools{query}")).json()]
        assert ("welcome" in listed) is sees
        assert (await door.http.get(f"/v1/tools/welcome{query}")).status_code == (200 if sees else 404)
        agents = (await door.http.get(f"/v1/agents{query}")).json()
        assert any("welcome" in agent["tools"] for agent in agents) is sees
    body = {"tenant": "acme"}
    assert (await door.http.post("/v1/tools/welcome/calls", json=body)).json()["value"] == "hi"
    missing = await door.http.post("/v1/tools/welcom/calls", json={"tenant": "globex"})
    assert (missing.status_code, "welcome" in missing.text) == (404, False)

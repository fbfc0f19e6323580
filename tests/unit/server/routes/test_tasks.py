"""Background tasks over HTTP."""

import pytest

from tests.unit.server.conftest import Door
from toolcrib.core.errors import QueueFull
from toolcrib.server.problems import status_of

pytestmark = pytest.mark.anyio
GREET = {"tool": "greet", "args": {"name": "Ada"}}


async def test_a_task_is_accepted_looked_at_and_has_its_result(door: Door) -> None:
    answer = await door.http.post("/v1/tasks", json=GREET | {"tenant": "x", "priority": 5, "ttl_s": 60})
    task = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/tasks/{task['id']}"
    assert (task["tool"], task["args"], task["tenant"], task["priority"]) == ("greet", {"name": "Ada"}, "x", 5)
    await door.crib.tasks.wait(task["id"], timeout_s=5)
    shown = (await door.http.get(answer.headers["location"])).json()
    assert (shown["state"], shown["progress"], shown["result"]["value"]) == ("succeeded", 1.0, "hello Ada")
    assert shown["release"] == door.crib.release.id
    assert shown["expires_at"] == pytest.approx(shown["finished_at"] + 60)
    assert not {"owner", "leased_until", "scopes"} & set(shown), "what only the workers need"


async def test_a_tool_that_fails_is_a_failed_task_and_no_problem(door: Door) -> None:
    task = (await door.http.post("/v1/tasks", json={"tool": "fail"})).json()["id"]
    await door.crib.tasks.wait(task, timeout_s=5)
    answer = await door.http.get(f"/v1/tasks/{task}")
    assert (answer.status_code, answer.json()["state"]) == (200, "failed")
    assert answer.json()["result"]["error"]["hint"] == "Come back tomorrow."


async def test_a_result_beyond_64_bits_arrives_whole(door: Door) -> None:
    task = (await door.http.post("/v1/tasks", json={"tool": "huge"})).json()["id"]
    await door.crib.tasks.wait(task, timeout_s=5)
    assert (await door.http.get(f"/v1/tasks/{task}")).json()["result"]["value"] == {"number": 2**80}


async def test_the_list_is_filtered_and_leaves_arguments_and_results_out(door: Door) -> None:
    calls = [{"tool": "greet", "args": {"name": "Ada"}}, {"tool": "fail"}]
    answer = await door.http.post("/v1/tasks/batch", json={"calls": calls, "tenant": "x"})
    assert answer.status_code == 202
    batch = answer.json()
    for task in batch["tasks"]:
        await door.crib.tasks.wait(task, timeout_s=5)
    other = (await door.http.post("/v1/tasks", json=GREET)).json()["id"]
    await door.crib.tasks.wait(other, timeout_s=5)

    async def listed(query: str) -> list[str]:
        return [one["id"] for one in (await door.http.get(f"/v1/tasks{query}")).json()]

    assert await listed("") == [other, *reversed(batch["tasks"])]
    assert await listed("?limit=1") == [other]
    assert await listed(f"?batch={batch['batch']}&state=failed") == [batch["tasks"][1]]
    assert set(await listed("?tenant=x")) == set(batch["tasks"])
    assert await listed(answer.headers["location"].removeprefix("/v1/tasks")) == list(reversed(batch["tasks"]))
    (first, *_) = (await door.http.get("/v1/tasks")).json()
    assert not {"args", "result"} & set(first)


async def test_a_key_makes_a_request_safe_to_repeat(door: Door) -> None:
    first = await door.http.post("/v1/tasks", json=GREET | {"key": "k"})
    again = await door.http.post("/v1/tasks", json=GREET | {"key": "k"})
    assert first.json()["id"] == again.json()["id"]
    other = await door.http.post("/v1/tasks", json={"tool": "fail", "key": "k"})
    assert (other.status_code, other.json()["code"]) == (409, "conflict")


async def test_a_task_that_ended_cannot_be_cancelled_and_one_nobody_knows_is_404(door: Door) -> None:
    task = (await door.http.post("/v1/tasks", json=GREET)).json()["id"]
    await door.crib.tasks.wait(task, timeout_s=5)
    assert (await door.http.post(f"/v1/tasks/{task}/cancel")).status_code == 409
    for answer in (await door.http.get("/v1/tasks/ghost"), await door.http.post("/v1/tasks/ghost/cancel")):
        assert (answer.status_code, answer.json()["code"]) == (404, "task_not_found")
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"tool": "gret"}, 404, "tool_not_found"),
        ({"tool": "greet", "args": {}}, 422, "arguments_invalid"),
        ({"tool": "greet", "arguments": {}}, 422, "request_invalid"),
        ({"tool": "greet", "priority": 10**9}, 422, "request_invalid"),
        ({"tool": "greet", "ttl_s": 0}, 422, "request_invalid"),
    ],
)
async def test_what_cannot_run_is_refused_at_once(
    reading: Door, body: dict[str, object], status: int, code: str
) -> None:
    answer = await reading.http.post("/v1/tasks", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_batch_is_refused_whole(reading: Door) -> None:
    calls = [{"tool": "greet", "args": {"name": "Ada"}}, {"tool": "gret"}]
    answer = await reading.http.post("/v1/tasks/batch", json={"calls": calls})
    assert (answer.status_code, answer.json()["code"]) == (404, "tool_not_found")
    assert answer.json()["detail"].startswith("Call 1: ")
    assert (await reading.http.post("/v1/tasks/batch", json={"calls": []})).status_code == 422
    assert (await reading.http.get("/v1/tasks?state=nonsense")).status_code == 422


def test_a_full_queue_is_unavailable_not_broken() -> None:
    assert status_of(QueueFull("No more than 1 tasks may wait.")) == 503


TILL = '''
from toolcrib import tool

@tool(on_error={"ConnectionError": "manual"})
async def pay(amount: int) -> str:
    """Pays once somebody has mended it."""
    raise ConnectionError("down")
'''


async def parked(door: Door, key: str = "") -> str:
    """The task in which a call of a broken tool waits."""
    answer = await door.http.post(
        "/v1/tools/pay/calls", json={"args": {"amount": 3}}, headers={"idempotency-key": key} if key else {}
    )
    error = answer.json()["error"]
    assert (answer.status_code, error["strategy"]) == (200, "manual")
    assert f"toolcrib tasks resolve {error['task']} --retry" in error["hint"]
    return str(error["task"])


@pytest.fixture
async def till(door: Door) -> Door:
    """A door to a project whose tool `pay` is broken."""
    door.tools.write_text(TILL)
    assert (await door.crib.deploy()).state == "active"
    return door


async def test_a_call_that_asks_for_a_person_waits_as_a_task_until_one_answers(till: Door) -> None:
    task = await parked(till, "k")
    (listed,) = (await till.http.get("/v1/tasks?state=waiting")).json()
    assert (listed["id"], listed["call_key"], listed["error"].partition(":")[0]) == (task, "k", "tool_failed")
    shown = (await till.http.get(f"/v1/tasks/{task}")).json()
    assert (shown["args"], shown["result"]["error"]["code"]) == ({"amount": 3}, "tool_failed")

    answer = await till.http.post(f"/v1/tasks/{task}/resolve", json={"decision": "answer", "value": [2**80]})
    assert (answer.status_code, answer.json()["state"]) == (200, "succeeded")
    again = await till.http.post("/v1/tools/pay/calls", json={"args": {"amount": 3}}, headers={"idempotency-key": "k"})
    assert (again.json()["value"], again.json()["journaled"]) == ([2**80], True)


async def test_a_task_is_run_again_skipped_or_aborted_as_a_person_wants(till: Door) -> None:
    retried, skipped, aborted = [await parked(till) for _ in range(3)]
    till.tools.write_text(TILL.replace('raise ConnectionError("down")', "return f'paid {amount}'"))
    await till.crib.deploy()

    async def decided(task: str, decision: str) -> str:
        answer = await till.http.post(f"/v1/tasks/{task}/resolve", json={"decision": decision})
        return str(answer.json()["state"])

    assert await decided(skipped, "skip") == "skipped"
    assert await decided(aborted, "abort") == "failed"
    assert await decided(retried, "retry") == "queued"
    done = await till.crib.tasks.wait(retried, timeout_s=5)
    assert (done.state, (await till.crib.tasks.result(retried)).value) == ("succeeded", "paid 3")
    assert done.release == till.crib.release.id


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"decision": "forget"},
        {"decision": "answer"},
        {"decision": "retry", "value": 1},
        {"decision": "skip", "x": 1},
    ],
)
async def test_a_decision_that_does_not_fit_is_a_422(reading: Door, body: dict[str, object]) -> None:
    answer = await reading.http.post("/v1/tasks/ghost/resolve", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")


async def test_what_does_not_wait_for_a_person_cannot_be_resolved(door: Door) -> None:
    task = (await door.http.post("/v1/tasks", json=GREET)).json()["id"]
    await door.crib.tasks.wait(task, timeout_s=5)
    for which, status, code in ((task, 409, "conflict"), ("ghost", 404, "task_not_found")):
        answer = await door.http.post(f"/v1/tasks/{which}/resolve", json={"decision": "retry"})
        assert (answer.status_code, answer.json()["code"]) == (status, code)

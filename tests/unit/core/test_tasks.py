"""A background task as data: what is told of it, what it came to, and where it may go."""

import json
from dataclasses import fields, replace
from typing import get_args

import pytest

from toolcrib.core.errors import Conflict, ToolError
from toolcrib.core.redaction import Masks
from toolcrib.core.results import ToolResult, failed
from toolcrib.core.tasks import ENDED, TASK_MOVES, TaskRecord, TaskState

RESULTS = (
    ToolResult(ok=True, value={"a": [1, None]}, attempts=2, duration_s=0.5, tool="t", release="r", call_id="1"),
    failed(ToolError("Closed.", hint="Come back."), tool="t", release="r", call_id="1"),
)


def test_the_table_of_moves_knows_every_state_and_leads_to_an_end() -> None:
    states = set(get_args(TaskState))
    assert set(TASK_MOVES) == states
    assert frozenset().union(*TASK_MOVES.values()) <= states
    assert frozenset({"succeeded", "failed", "cancelled", "skipped", "in_doubt"}) == ENDED


def test_a_task_is_told_as_json_without_what_only_the_workers_need() -> None:
    record = TaskRecord(id="1", tool="t", args={"a": 1}, scopes=("secret",), owner="me", leased_until=1.0)
    told = json.loads(json.dumps(record.to_dict()))
    assert {field.name for field in fields(TaskRecord)} - set(told) == {"owner", "leased_until", "scopes", "sensitive"}
    assert set(told) - set(record.summary()) == {"args", "result"}


@pytest.mark.parametrize("result", RESULTS, ids=["good", "bad"])
def test_a_result_comes_back_as_it_went(result: ToolResult) -> None:
    kept = json.loads(json.dumps(result.to_dict()))
    assert TaskRecord(id="1", tool="t", state="succeeded", result=kept).tool_result() == result


def test_a_result_of_a_newer_version_is_read_without_what_is_unknown() -> None:
    kept = {**RESULTS[0].to_dict(), "invented_later": 1}
    assert TaskRecord(id="1", tool="t", state="succeeded", result=kept).tool_result() == RESULTS[0]


def test_a_task_without_a_result_says_what_it_is_instead() -> None:
    with pytest.raises(Conflict, match="it is in_doubt") as raised:
        TaskRecord(id="1", tool="t", state="in_doubt", error="who knows").tool_result()
    assert raised.value.hint == "who knows"


def test_the_failure_a_person_is_to_decide_about_is_not_the_result_yet() -> None:
    record = TaskRecord(id="1", tool="t", state="waiting", result=RESULTS[1].to_dict())
    with pytest.raises(Conflict, match="it is waiting"):
        record.tool_result()
    assert record.last_result() == RESULTS[1]


@pytest.mark.parametrize(
    ("state", "batch", "stop", "sinks"),
    [
        ("failed", "b", True, True),
        ("in_doubt", "b", True, True),
        ("failed", "", True, False),
        ("failed", "b", False, False),
        ("cancelled", "b", True, False),
        ("waiting", "b", True, False),
        ("succeeded", "b", True, False),
    ],
)
def test_only_a_failure_of_a_batch_that_stops_sinks_it(state: TaskState, batch: str, stop: bool, sinks: bool) -> None:
    assert TaskRecord(id="1", tool="t", state=state, batch=batch, stop_on_failure=stop).sinks_batch is sinks


def test_a_task_is_told_without_what_is_sensitive_and_keeps_it_for_the_tool() -> None:
    args = {"card": "4111-1111", "pin": 1234, "amount": 5}
    result = ToolResult(ok=True, value={"token": "tok-123456", "for": "4111-1111"}, tool="pay", call_id="4111-1111")
    record = TaskRecord(
        id="task-1234",
        tool="pay",
        args=args,
        state="succeeded",
        message="charging 4111-1111 with 1234",
        error="ValueError: 4111-1111",
        callback_error="OSError: tok-123456",
        result=result.to_dict(),
        sensitive=Masks(
            args={"*": True, "card": True, "pin": True, "amount": False},
            result={"*": True, "token": True, "for": False},
        ),
    )
    told = json.loads(json.dumps(record.to_dict()))
    assert told["args"] == {"card": "[redacted]", "pin": "[redacted]", "amount": 5}
    assert told["result"] == result.to_dict() | {"value": {"token": "[redacted]", "for": "[redacted]"}}
    assert (told["message"], told["error"], told["callback_error"], told["id"]) == (
        "charging [redacted] with [redacted]",
        "ValueError: [redacted]",
        "OSError: [redacted]",
        "task-1234",
    )
    assert "4111-1111" not in json.dumps(record.summary()) + repr(replace(record, message="", error=""))
    assert record.args == args
    assert record.tool_result().value == {"token": "tok-123456", "for": "4111-1111"}


def test_a_task_without_a_result_is_told_too() -> None:
    record = TaskRecord(id="1", tool="t", args={"card": "4111"}, sensitive=Masks(args={"*": True}))
    assert (record.to_dict()["args"], record.to_dict()["result"]) == ({"card": "[redacted]"}, None)

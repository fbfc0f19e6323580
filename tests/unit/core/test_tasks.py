"""A background task as data: what is told of it, what it came to, and where it may go."""

import json
from dataclasses import fields
from typing import get_args

import pytest

from toolcrib.core.errors import Conflict, ToolError
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
    assert {field.name for field in fields(TaskRecord)} - set(told) == {"owner", "leased_until", "scopes"}
    assert set(told) - set(record.summary()) == {"args", "result"}


@pytest.mark.parametrize("result", RESULTS, ids=["good", "bad"])
def test_a_result_comes_back_as_it_went(result: ToolResult) -> None:
    kept = json.loads(json.dumps(result.to_dict()))
    assert TaskRecord(id="1", tool="t", state="succeeded", result=kept).tool_result() == result


def test_a_result_of_a_newer_version_is_read_without_what_is_unknown() -> None:
    kept = {**RESULTS[0].to_dict(), "invented_later": 1}
    assert TaskRecord(id="1", tool="t", result=kept).tool_result() == RESULTS[0]


def test_a_task_without_a_result_says_what_it_is_instead() -> None:
    with pytest.raises(Conflict, match="it is in_doubt") as raised:
        TaskRecord(id="1", tool="t", state="in_doubt", error="who knows").tool_result()
    assert raised.value.hint == "who knows"


@pytest.mark.parametrize(
    ("state", "batch", "stop", "sinks"),
    [
        ("failed", "b", True, True),
        ("in_doubt", "b", True, True),
        ("failed", "", True, False),
        ("failed", "b", False, False),
        ("cancelled", "b", True, False),
        ("succeeded", "b", True, False),
    ],
)
def test_only_a_failure_of_a_batch_that_stops_sinks_it(state: TaskState, batch: str, stop: bool, sinks: bool) -> None:
    assert TaskRecord(id="1", tool="t", state=state, batch=batch, stop_on_failure=stop).sinks_batch is sinks

"""Events in the log: constant messages, structured keys, a level that says how bad it is."""

import logging
import subprocess
import sys
from typing import Any

import pytest

from toolcrib.core.events import (
    BudgetRefused,
    Deployed,
    Event,
    ModelFinished,
    NodeFinished,
    NodeStarted,
    ReleaseRetired,
    RestartNeeded,
    RunFinished,
    RunStarted,
    TaskFinished,
    TaskProgressed,
    TaskResolved,
    TaskStarted,
    TaskWaiting,
    ToolEscalated,
    ToolFinished,
    ToolStarted,
)
from toolcrib.core.experiments.arms import Arm
from toolcrib.core.reasons import Reason
from toolcrib.core.releases import ColdChange, Deployment
from toolcrib.core.results import ErrorInfo, RunResult, ToolResult
from toolcrib.observability.logs import log_event

ERROR = ErrorInfo(code="tool_failed", message="secret")
NODE: dict[str, Any] = {"node": "n", "run_id": "run", "thread_id": "th", "agent": "a", "release": "r"}
ENV = ColdChange(kind="environment", file=".env")
REASON = Reason(code="syntax", message="m", file="tools/a.py", line=3)
DEBUG, INFO, WARNING, ERROR_LEVEL = logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR


@pytest.mark.parametrize(
    ("event", "level", "message", "facts"),
    [
        (ToolStarted(tool="t", call_id="c", release="r"), DEBUG, "tool_started", {"tool": "t", "call_id": "c"}),
        (
            RunStarted(run_id="r", thread_id="t", agent="a", release="r"),
            DEBUG,
            "agent_started",
            {"agent": "a", "thread_id": "t"},
        ),
        (TaskStarted(task="1", tool="t", release="r"), DEBUG, "task_started", {"task": "1", "tool": "t"}),
        (TaskProgressed(task="1", tool="t", progress=0.5), DEBUG, "task_progress", {"progress": 0.5}),
        (TaskFinished(task="1", tool="t", state="succeeded"), INFO, "task_finished", {"state": "succeeded"}),
        (TaskFinished(task="1", tool="t", state="in_doubt"), WARNING, "task_finished", {"state": "in_doubt"}),
        (
            TaskWaiting(task="1", tool="t", code="tool_failed", call_id="c"),
            WARNING,
            "task_waiting",
            {"task": "1", "tool": "t", "code": "tool_failed", "call_id": "c"},
        ),
        (TaskResolved(task="1", tool="t", decision="skip"), INFO, "task_resolved", {"task": "1", "decision": "skip"}),
        (
            ToolEscalated(tool="t", release="r", errors=5, window_s=60, tenant="x"),
            ERROR_LEVEL,
            "tool_escalated",
            {"tool": "t", "release": "r", "errors": 5, "window_s": 60, "tenant": "x"},
        ),
        (
            BudgetRefused(scope="tenant", account="tenant 'x'", agent="a", release="r", model="m", tenant="x"),
            WARNING,
            "budget_refused",
            {"scope": "tenant", "account": "tenant 'x'", "agent": "a", "release": "r", "model": "m", "tenant": "x"},
        ),
        (NodeStarted(**NODE), DEBUG, "node_started", {"node": "n", "agent": "a"}),
        (
            ModelFinished(model="m", tier="simple", outcome="ok", attempts=2, duration_s=0.5, release="r", agent="a"),
            INFO,
            "model_execution",
            {"model": "m", "tier": "simple", "outcome": "ok", "attempts": 2, "duration_ms": 500.0, "agent": "a"},
        ),
        (
            ModelFinished(model="m", outcome="failed", attempts=2, duration_s=0.5, release="r", error="E (500)"),
            WARNING,
            "model_execution",
            {"outcome": "failed", "error": "E (500)"},
        ),
        (
            NodeFinished(**NODE, outcome="ok", duration_s=0.5),
            DEBUG,
            "node_execution",
            {"node": "n", "outcome": "ok", "duration_ms": 500.0},
        ),
        (
            ToolFinished(
                result=ToolResult(ok=True, value="secret", tool="t", release="r", call_id="c", duration_s=0.0125),
                run_id="run",
                thread_id="th",
                agent="a",
                tenant="x",
            ),
            INFO,
            "tool_execution",
            {
                **{"tool": "t", "release": "r", "call_id": "c", "run_id": "run", "thread_id": "th", "agent": "a"},
                **{"tenant": "x", "outcome": "ok", "duration_ms": 12.5, "queued_ms": 0.0, "attempts": 1},
            },
        ),
        (ToolFinished(result=ToolResult(ok=True, cached=True)), INFO, "tool_execution", {"outcome": "cached"}),
        (
            ToolFinished(result=ToolResult(ok=False, error=ERROR)),
            WARNING,
            "tool_execution",
            {"outcome": "tool_failed", "error_code": "tool_failed", "severity": "MEDIUM", "retryable": False},
        ),
        (
            RunFinished(
                result=RunResult(
                    output="secret", success=True, run_id="run", thread_id="th", release="r", execution_time_s=2.0
                ),
                agent="a",
                tenant="x",
            ),
            INFO,
            "agent_execution",
            {
                **{"agent": "a", "release": "r", "run_id": "run", "thread_id": "th", "tenant": "x", "outcome": "ok"},
                **{"duration_ms": 2000.0, "iterations": 0, "input_tokens": 0, "output_tokens": 0, "cost_usd": None},
            },
        ),
        (
            RunFinished(result=RunResult(output=None, success=True, interrupts=("secret",)), agent="a"),
            INFO,
            "agent_execution",
            {"outcome": "interrupted"},
        ),
        (
            RunFinished(result=RunResult(output=None, success=False, error=ERROR), agent="a"),
            WARNING,
            "agent_execution",
            {"outcome": "tool_failed", "error_code": "tool_failed"},
        ),
        (
            Deployed(deployment=Deployment(state="active", release="r", previous="q", timings_s={"total": 0.2})),
            INFO,
            "deployment",
            {"outcome": "active", "release": "r", "previous": "q", "duration_ms": 200.0, "reasons": []},
        ),
        (
            Deployed(deployment=Deployment(state="rejected", release="r", reasons=(REASON,))),
            WARNING,
            "deployment",
            {"outcome": "rejected", "reasons": ["syntax tools/a.py:3"]},
        ),
        (
            Deployed(deployment=Deployment(state="active", release="r", verdict="needs_pin", accepted=(REASON,))),
            WARNING,
            "deployment",
            {"outcome": "active", "verdict": "needs_pin", "accepted": ["syntax tools/a.py:3"]},
        ),
        (RestartNeeded(changes=(ENV,)), WARNING, "restart_needed", {"restart_needed": [".env"]}),
        (RestartNeeded(changes=()), INFO, "restart_needed", {"restart_needed": []}),
        (ReleaseRetired(release="r", modules=2), INFO, "release_retired", {"release": "r", "modules": 2}),
    ],
    ids=lambda value: value.name if hasattr(value, "to_dict") else "",
)
def test_an_event_is_one_record_with_flat_keys_and_a_level(
    event: Event, level: int, message: str, facts: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(DEBUG, logger="toolcrib"):
        log_event(event)
    (record,) = caplog.records
    where = "toolcrib.releases" if isinstance(event, Deployed | ReleaseRetired | RestartNeeded) else "toolcrib.events"
    assert (record.name, record.levelno, record.getMessage()) == (where, level, message)
    assert {key: record.__dict__.get(key) for key in facts} == facts
    assert "secret" not in str(record.__dict__)


def test_what_nobody_wants_to_see_is_not_written(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(WARNING, logger="toolcrib"):
        log_event(ReleaseRetired(release="r"))
    assert caplog.records == []


def test_without_any_logging_configured_nothing_comes_out_on_stderr() -> None:
    program = """
from toolcrib.core.events import ToolFinished
from toolcrib.core.results import ErrorInfo, ToolResult
from toolcrib.observability.logs import log_event
log_event(ToolFinished(result=ToolResult(ok=False, error=ErrorInfo(code="c", message="m"))))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""


def test_the_variants_of_a_call_and_a_run_are_facts_and_no_key_without(caplog: pytest.LogCaptureFixture) -> None:
    arms = (Arm("search_v2", "fast"),)
    with caplog.at_level(logging.INFO, logger="toolcrib"):
        log_event(ToolFinished(result=ToolResult(ok=True, variants=arms)))
        log_event(RunFinished(result=RunResult(output="", success=True, variants=arms), agent="a"))
        log_event(ToolFinished(result=ToolResult(ok=True)))
    assert [record.__dict__.get("variants") for record in caplog.records] == [{"search_v2": "fast"}] * 2 + [None]

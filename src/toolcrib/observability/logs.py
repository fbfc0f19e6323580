"""Events as log records: constant messages, structured keys given as `extra`, no arguments and no results.

Also no error messages: they may quote what a tool was given. The code is enough to count and to find the run.
"""

import logging
from typing import Any

from toolcrib.core.events import (
    BreakerChanged,
    BudgetRefused,
    CanaryRolledBack,
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
from toolcrib.core.experiments.arms import told
from toolcrib.core.money import plain
from toolcrib.core.results import RunResult, ToolResult
from toolcrib.observability.outcomes import call_outcome, run_outcome

DETAILS: frozenset[type[Event]] = frozenset(
    {ToolStarted, RunStarted, NodeStarted, NodeFinished, TaskStarted, TaskProgressed}
)
"""Written at level DEBUG; everything else is INFO or worse."""
work_log = logging.getLogger("toolcrib.events")
release_log = logging.getLogger("toolcrib.releases")


def log_event(event: Event) -> None:
    """Write one event. Where the host has configured no logging, nothing: bare words on stderr would help nobody."""
    log, level = _place(event)
    if log.isEnabledFor(level) and log.hasHandlers():
        message, facts = _record(event)
        log.log(level, message, extra=facts)


def wants_details(kind: type[Event]) -> bool:
    """Whether events of a kind in `DETAILS` are written at present."""
    return work_log.isEnabledFor(logging.DEBUG)


def _place(event: Event) -> tuple[logging.Logger, int]:
    """Where an event is written, and how bad it is."""
    match event:
        case ToolFinished() | RunFinished():
            return work_log, logging.INFO if event.result.error is None else logging.WARNING
        case ModelFinished():
            return work_log, logging.INFO if event.outcome == "ok" else logging.WARNING
        case ToolStarted() | RunStarted() | NodeStarted() | NodeFinished() | TaskStarted() | TaskProgressed():
            return work_log, logging.DEBUG
        case TaskFinished():
            return work_log, logging.WARNING if event.state in ("failed", "in_doubt") else logging.INFO
        case TaskWaiting() | BudgetRefused():
            return work_log, logging.WARNING
        case TaskResolved():
            return work_log, logging.INFO
        case Deployed() | ReleaseRetired() | CanaryRolledBack() | RestartNeeded():
            return release_log, _gravity(event)
        case BreakerChanged():
            return work_log, logging.WARNING if event.state == "open" else logging.INFO
        case ToolEscalated():
            return work_log, logging.ERROR


def _gravity(event: Deployed | ReleaseRetired | CanaryRolledBack | RestartNeeded) -> int:
    match event:
        case CanaryRolledBack():
            return logging.ERROR
        case Deployed(deployment=deployment) if deployment.state == "rejected" or deployment.accepted:
            return logging.WARNING
        case RestartNeeded() if event.changes:
            return logging.WARNING
        case _:
            return logging.INFO


def _record(event: Event) -> tuple[str, dict[str, Any]]:
    """Message and keys."""
    match event:
        case ToolFinished():
            return "tool_execution", _call(event)
        case RunFinished():
            return "agent_execution", _run(event)
        case RunStarted():
            return "agent_started", event.to_dict()
        case ModelFinished():
            facts = event.to_dict()
            return "model_execution", facts | {"duration_ms": _ms(facts.pop("duration_s"))}
        case NodeFinished():
            facts = event.to_dict()
            return "node_execution", facts | {"duration_ms": _ms(facts.pop("duration_s"))}
        case Deployed():
            return "deployment", _deployment(event)
        case RestartNeeded():
            return "restart_needed", {"restart_needed": [str(change) for change in event.changes]}
        case _:
            return event.name.replace(".", "_"), _facts(event)


def _facts(event: Event) -> dict[str, Any]:
    """An event's data, but for what a tool says in its own words."""
    return {key: value for key, value in event.to_dict().items() if key != "message"}


def _call(event: ToolFinished) -> dict[str, Any]:
    result = event.result
    return {
        "tool": result.tool,
        "release": result.release,
        "call_id": result.call_id,
        "run_id": event.run_id,
        "thread_id": event.thread_id,
        "agent": event.agent,
        "tenant": event.tenant,
        "outcome": call_outcome(result),
        "duration_ms": _ms(result.duration_s),
        "queued_ms": _ms(result.queued_s),
        "attempts": result.attempts,
        **_variants(result),
        **_error(result),
    }


def _run(event: RunFinished) -> dict[str, Any]:
    result = event.result
    return {
        "agent": event.agent,
        "release": result.release,
        "run_id": result.run_id,
        "thread_id": result.thread_id,
        "tenant": event.tenant,
        "outcome": run_outcome(result),
        "duration_ms": _ms(result.execution_time_s),
        "iterations": result.iterations,
        "input_tokens": result.input_tokens,
        "output_tokens": result.output_tokens,
        "cost_usd": None if result.cost_usd is None else plain(result.cost_usd),
        **_variants(result),
        **_error(result),
    }


def _deployment(event: Deployed) -> dict[str, Any]:
    deployment = event.deployment
    return {
        "outcome": deployment.state,
        "release": deployment.release,
        "previous": deployment.previous,
        "generation": deployment.generation,
        "actor": deployment.actor,
        "who": deployment.who,
        "why": deployment.why,
        "duration_ms": _ms(deployment.timings_s.get("total", 0.0)),
        "changes": len(deployment.diff),
        "verdict": deployment.verdict,
        "accepted": [f"{reason.code} {reason.place}".rstrip() for reason in deployment.accepted],
        "reasons": [f"{reason.code} {reason.place}".rstrip() for reason in deployment.reasons],
        "restart_needed": [str(change) for change in deployment.restart_needed],
    }


def _variants(result: ToolResult | RunResult) -> dict[str, Any]:
    """The variants of experiments it was in; no key where there are none."""
    return {"variants": told(result.variants)} if result.variants else {}


def _error(result: ToolResult | RunResult) -> dict[str, Any]:
    if result.error is None:
        return {}
    return {"error_code": result.error.code, "severity": result.error.severity, "retryable": result.error.retryable}


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)

"""Metrics: what is counted for which event, and that their number has an end."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from toolcrib.core.errors import ToolNotFound
from toolcrib.core.events import (
    BudgetRefused,
    Deployed,
    Event,
    ModelFinished,
    ReleaseRetired,
    RunFinished,
    RunStarted,
    TaskResolved,
    TaskWaiting,
    ToolEscalated,
    ToolFinished,
    ToolStarted,
)
from toolcrib.core.experiments.arms import Arm
from toolcrib.core.releases import Deployment
from toolcrib.core.results import ErrorInfo, RunResult, ToolResult, failed
from toolcrib.observability.metrics import Metrics


def observed(*events: Event, metrics: Metrics | None = None) -> Metrics:
    metrics = metrics or Metrics()
    for event in events:
        metrics.observe(event)
    return metrics


def series(metrics: Metrics, name: str) -> dict[tuple[str, ...], float]:
    """Label values (sorted by label name) -> value of one series; to Prometheus an empty label is none."""
    return {
        tuple(value for _, value in sorted(sample.labels.items()) if value): sample.value
        for family in metrics.collect()
        for sample in family.samples
        if sample.name == name
    }


def call(tool: str = "t", release: str = "r-1", **facts: object) -> ToolFinished:
    return ToolFinished(result=ToolResult(ok=True, tool=tool, release=release, **facts))  # type: ignore[arg-type]  # fields by name


def error(code: str = "tool_error") -> ErrorInfo:
    return ErrorInfo(code=code, message="m")


def test_calls_are_counted_by_tool_outcome_and_release() -> None:
    metrics = observed(
        call(),
        call(),
        call(cached=True),
        call(release="r-2"),
        ToolFinished(result=ToolResult(ok=False, error=error("rate_limited"), tool="t", release="r-1")),
    )
    assert series(metrics, "tool_calls_total") == {
        ("ok", "r-1", "t"): 2,
        ("cached", "r-1", "t"): 1,
        ("ok", "r-2", "t"): 1,
        ("rate_limited", "r-1", "t"): 1,
    }


def test_models_are_counted_by_tier_outcome_and_release_until_that_is_gone() -> None:
    asked = [("ok", 1, "r-1"), ("failed", 3, "r-1"), ("ok", 2, "r-2")]
    metrics = observed(
        *(
            ModelFinished(model="m", tier="simple", outcome=outcome, attempts=times, duration_s=0.2, release=release)
            for outcome, times, release in asked
        )
    )
    assert series(metrics, "model_calls_total") == {
        ("m", "ok", "r-1", "simple"): 1,
        ("m", "failed", "r-1", "simple"): 1,
        ("m", "ok", "r-2", "simple"): 1,
    }
    assert series(metrics, "model_attempts_total") == {("m", "r-1"): 4, ("m", "r-2"): 2}
    assert series(metrics, "model_call_time_seconds_count") == {("m",): 3}
    observed(ReleaseRetired(release="r-1"), metrics=metrics)
    assert series(metrics, "model_calls_total") == {("m", "ok", "r-2", "simple"): 1}
    assert series(metrics, "model_attempts_total") == {("m", "r-2"): 2}


def test_escalations_are_counted_until_their_release_is_gone() -> None:
    piled_up = [ToolEscalated(tool="t", release=one, errors=5, window_s=60) for one in ("r-1", "r-1", "r-2")]
    metrics = observed(*piled_up)
    assert series(metrics, "tool_escalations_total") == {("r-1", "t"): 2, ("r-2", "t"): 1}
    observed(ReleaseRetired(release="r-1"), metrics=metrics)
    assert series(metrics, "tool_escalations_total") == {("r-2", "t"): 1}


def test_what_people_are_asked_and_what_they_decide_is_counted() -> None:
    asked = TaskWaiting(task="1", tool="t", code="tool_failed", call_id="c")
    metrics = observed(asked, asked, *[TaskResolved(task="1", tool="t", decision=one) for one in ("retry", "skip")])
    assert series(metrics, "toolcrib_tasks_parked_total") == {("t",): 2}
    assert series(metrics, "toolcrib_tasks_resolved_total") == {("retry", "t"): 1, ("skip", "t"): 1}


def test_times_are_those_of_calls_that_reached_their_tool() -> None:
    metrics = observed(
        call(duration_s=0.5, queued_s=0.25),
        call(duration_s=0.125),
        call(duration_s=9.0, cached=True),
        call(duration_s=9.0, journaled=True),
        ToolFinished(result=failed(ToolNotFound("no"), tool="t", release="r-1", call_id="c")),
        call(tool="u", duration_s=9.0, attempts=0),
    )
    assert series(metrics, "tool_execution_time_seconds_sum") == {("t",): 0.625}
    assert series(metrics, "tool_execution_time_seconds_count") == {("t",): 2}
    assert series(metrics, "tool_queue_wait_seconds_sum") == {("t",): 0.25}
    assert series(metrics, "tool_queue_wait_seconds_count") == {("t",): 1}


def answer(model: str, cost_usd: str | None, tokens: int) -> Mapping[str, object]:
    usage = {"input_tokens": 10 * tokens, "output_tokens": tokens}
    return {"kind": "model", "model": model, "cost_usd": cost_usd, **usage}


def test_runs_are_counted_by_agent_and_outcome_with_time_iterations_and_cost() -> None:
    trace = (answer("m", "0.25", 7), answer("n", "0.5", 2), answer("m", "0.25", 1), answer("n", None, 4))
    good = RunResult(output="", success=True, execution_time_s=2.0, iterations=3, trace=trace, release="r-1")
    metrics = observed(
        RunFinished(result=good, agent="a"),
        RunFinished(result=RunResult(output=None, success=False, error=error("run_timeout")), agent="a"),
        RunFinished(result=RunResult(output=None, success=True, interrupts=(1,)), agent="b"),
        RunFinished(result=RunResult(output=None, success=True, from_cache=True), agent="b"),
    )
    assert series(metrics, "agent_requests_total") == {
        ("a", "ok"): 1,
        ("a", "run_timeout"): 1,
        ("b", "interrupted"): 1,
        ("b", "cached"): 1,
    }
    assert series(metrics, "agent_execution_time_seconds_sum") == {("a",): 2.0, ("b",): 0.0}
    assert series(metrics, "agent_iterations_sum") == {("a",): 3, ("b",): 0}
    assert series(metrics, "agent_cost_usd_total") == {("a", "m", "r-1"): 0.5, ("a", "n", "r-1"): 0.5}
    assert series(metrics, "agent_tokens_total") == {
        **{("a", "input", "m", "r-1"): 80, ("a", "input", "n", "r-1"): 60},
        **{("a", "output", "m", "r-1"): 8, ("a", "output", "n", "r-1"): 6},
    }


def test_refusals_of_budgets_are_counted_by_the_scope_that_had_no_room() -> None:
    refused = BudgetRefused(scope="tenant", account="tenant 'acme'", agent="a", release="r-1", model="m")
    metrics = observed(refused, refused, replace(refused, scope="run"))
    assert series(metrics, "agent_budget_refusals_total") == {("a", "r-1", "run"): 1, ("a", "r-1", "tenant"): 2}


def test_deployments_are_counted_by_outcome_with_their_time() -> None:
    metrics = observed(
        Deployed(deployment=Deployment(state="active", release="r-1", timings_s={"total": 0.5})),
        Deployed(deployment=Deployment(state="rejected", release="r-2")),
    )
    assert series(metrics, "toolcrib_deployments_total") == {("active",): 1, ("rejected",): 1}
    assert series(metrics, "toolcrib_deployment_time_seconds_sum") == {("active",): 0.5}


def test_names_that_no_release_knows_are_one_name() -> None:
    metrics = observed(
        *(
            ToolFinished(result=failed(ToolNotFound("no"), tool=f"invented_{n}", release="r-1", call_id="c"))
            for n in range(5)
        )
    )
    assert series(metrics, "tool_calls_total") == {("tool_not_found", "r-1", "unknown"): 5}


@pytest.mark.parametrize("many", [10, 2_000])
def test_the_number_of_children_has_an_end_and_no_call_is_lost(many: int) -> None:
    metrics = Metrics(max_children=3)
    observed(*(call(tool=f"t{n}") for n in range(many)), metrics=metrics)
    counted = series(metrics, "tool_calls_total")
    assert counted == {("ok", "r-1", "t0"): 1, ("ok", "r-1", "t1"): 1, ("ok", "r-1", "t2"): 1} | {
        ("ok", "r-1", "other"): many - 3
    }
    assert set(series(metrics, "tool_execution_time_seconds_count")) == {("t0",), ("t1",), ("t2",), ("other",)}


def test_also_outcomes_and_releases_without_end_end_in_one_child() -> None:
    metrics = Metrics(max_children=3)
    observed(*(call(tool=f"t{n}", release=f"r-{n}") for n in range(2_000)), metrics=metrics)
    counted = series(metrics, "tool_calls_total")
    assert len(counted) <= 3 + 100 + 1
    assert sum(counted.values()) == 2_000
    assert counted[("other",) * 4] == 2_000 - 103


def test_a_retired_release_is_forgotten_and_its_room_can_be_used_again() -> None:
    metrics = Metrics(max_children=2)
    trace = (answer("m", "1", 1),)
    run = RunFinished(result=RunResult(output="", success=True, trace=trace, release="r-1"), agent="a")
    observed(call(), call(release="r-2"), run, ReleaseRetired(release="r-1"), call(tool="u"), metrics=metrics)
    assert series(metrics, "tool_calls_total") == {("ok", "r-2", "t"): 1, ("ok", "r-1", "u"): 1}
    assert series(metrics, "agent_cost_usd_total") == {}
    assert series(metrics, "agent_requests_total") == {("a", "ok"): 1}


def test_the_variant_stands_on_calls_and_runs_and_a_release_that_goes_takes_its_own() -> None:
    arms = (Arm("search", "fast"), Arm("tone", "b"))
    run = RunResult(output="", success=True, trace=(answer("m", "1", 1),), release="r-1", variants=arms)
    metrics = observed(call(variants=arms[:1]), call(), RunFinished(result=run, agent="a"))
    counted = {("ok", "r-1", "t", "search:fast"): 1, ("ok", "r-1", "t"): 1}
    assert series(metrics, "tool_calls_total") == counted
    assert set(series(metrics, "tool_execution_time_seconds_count")) == {("t", "search:fast"), ("t",)}
    assert series(metrics, "agent_requests_total") == {("a", "ok", "search:fast,tone:b"): 1}
    assert set(series(metrics, "agent_cost_usd_total")) == {("a", "m", "r-1", "search:fast,tone:b")}
    observed(ReleaseRetired(release="r-1"), metrics=metrics)
    assert series(metrics, "tool_calls_total") == series(metrics, "agent_cost_usd_total") == {}


def test_two_projects_in_one_process_count_apart() -> None:
    first, second = observed(call()), observed()
    assert series(first, "tool_calls_total")
    assert not series(second, "tool_calls_total")


def test_what_only_begins_is_not_counted() -> None:
    metrics = observed(
        ToolStarted(tool="t", call_id="c", release="r"), RunStarted(run_id="r", thread_id="t", agent="a", release="r")
    )
    assert not any(family.samples for family in metrics.collect())

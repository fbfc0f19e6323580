"""`Metrics`: counts and times of calls, runs and deployments, fed by events; a registry of its own per open project.

An event comes on the event loop with every call, so the children of a metric are kept by their label values: finding
one is one look into a dictionary (prometheus_client's own `labels()` takes four times as long).
"""

from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric

from toolcrib.core.errors import ToolNotFound
from toolcrib.core.events import (
    BudgetRefused,
    Deployed,
    Event,
    ModelFinished,
    ReleaseRetired,
    RunFinished,
    TaskResolved,
    TaskWaiting,
    ToolEscalated,
    ToolFinished,
)
from toolcrib.core.experiments.arms import label
from toolcrib.core.releases import Deployment
from toolcrib.core.results import ToolResult
from toolcrib.observability.experiments import Tallies
from toolcrib.observability.outcomes import call_outcome, run_outcome

MAX_CHILDREN = 1_000
SPARE_CHILDREN = 100
OTHER = "other"
UNKNOWN = "unknown"

CALL_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
RUN_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0)
ITERATIONS = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 50.0)
DEPLOYMENT_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

COUNTED: frozenset[type[Event]] = frozenset(
    {
        BudgetRefused,
        Deployed,
        ModelFinished,
        ReleaseRetired,
        RunFinished,
        TaskResolved,
        TaskWaiting,
        ToolEscalated,
        ToolFinished,
    }
)

M = TypeVar("M", bound=MetricWrapperBase)


class Metrics:
    """Metrics of one open project. `observe` is a direct hook of the event hub; `collect` may be called in any thread.

    Args:
        max_children: label combinations per metric; names that come later share the name `other`.

    Attributes:
        tallies: the same for the variants of experiments, for people.
    """

    def __init__(self, *, max_children: int = MAX_CHILDREN) -> None:
        self.tallies = Tallies()
        self._registry = CollectorRegistry()
        self._limit = max_children
        self._runs = self._counter("agent_requests_total", "Runs of agents that ended.", "agent", "outcome", "variant")
        self._run_s = self._histogram(
            "agent_execution_time_seconds", "From a run's acceptance to its end.", RUN_S, "agent", "variant"
        )
        self._iterations = self._histogram(
            "agent_iterations", "How often a run asked its model.", ITERATIONS, "agent", "variant"
        )
        self._cost = self._counter(
            "agent_cost_usd", "What runs cost, where a price is known.", "agent", "model", "variant", "release"
        )
        self._calls = self._counter("tool_calls_total", "Calls that ended.", "tool", "outcome", "variant", "release")
        self._tokens = self._counter(
            "agent_tokens_total", "Tokens of models, as they told.", "agent", "direction", "model", "variant", "release"
        )
        self._refused = self._counter(
            "agent_budget_refusals_total", "Models not asked for lack of room in a budget.", "agent", "scope", "release"
        )
        self._models = self._counter(
            "model_calls_total", "Models asked, answered or not.", "model", "tier", "outcome", "release"
        )
        self._attempts = self._counter("model_attempts_total", "Attempts at models.", "model", "release")
        self._model_s = self._histogram(
            "model_call_time_seconds", "From the first attempt to the answer, waits included.", RUN_S, "model"
        )
        self._call_s = self._histogram(
            "tool_execution_time_seconds",
            "Calls that reached their tool, waits and retries included.",
            CALL_S,
            "tool",
            "variant",
        )
        self._queued_s = self._histogram(
            "tool_queue_wait_seconds", "Waits for a free worker, of calls that had to wait.", CALL_S, "tool"
        )
        self._escalations = self._counter(
            "tool_escalations_total", "Times when a tool's failures piled up.", "tool", "release"
        )
        self._parked = self._counter("toolcrib_tasks_parked_total", "Failed calls put before a person.", "tool")
        self._resolved = self._counter(
            "toolcrib_tasks_resolved_total", "Decisions of people about failed calls.", "tool", "decision"
        )
        self._deployments = self._counter("toolcrib_deployments_total", "Deployments that ended.", "outcome")
        self._deployment_s = self._histogram(
            "toolcrib_deployment_time_seconds", "From reading the directory to the end.", DEPLOYMENT_S, "outcome"
        )

    def observe(self, event: Event) -> None:
        """Count one event; must be called on the event loop."""
        match event:
            case ToolFinished(result=result):
                self._count_call(result)
            case RunFinished():
                self._count_run(event)
            case ModelFinished():
                self._count_model(event)
            case Deployed(deployment=deployment):
                self._count_deployment(deployment)
            case ToolEscalated(tool=tool, release=release):
                self._escalations.of(tool, release).inc()
            case BudgetRefused() | TaskWaiting() | TaskResolved():
                self._count_stop(event)
            case ReleaseRetired(release=release):
                for metric in self._of_releases:
                    metric.forget_last(release)
            case _:
                return

    @property
    def _of_releases(self) -> "tuple[_Children[Counter], ...]":
        """Those whose last label is a release."""
        models = self._cost, self._tokens, self._refused, self._models, self._attempts
        return self._calls, self._escalations, *models

    def _count_stop(self, event: BudgetRefused | TaskWaiting | TaskResolved) -> None:
        match event:
            case BudgetRefused(agent=agent, scope=scope, release=release):
                self._refused.of(agent, scope, release).inc()
            case TaskWaiting(tool=tool):
                self._parked.of(tool).inc()
            case TaskResolved(tool=tool, decision=decision):
                self._resolved.of(tool, decision).inc()

    def _count_deployment(self, deployment: Deployment) -> None:
        self._deployments.of(deployment.state).inc()
        if "total" in deployment.timings_s:
            self._deployment_s.of(deployment.state).observe(deployment.timings_s["total"])

    def collect(self) -> Iterable[Metric]:
        """All metrics with their present values."""
        return self._registry.collect()

    def _count_call(self, result: ToolResult) -> None:
        error = result.error
        # A model may invent any number of names; those of the tools there are have an end.
        tool = UNKNOWN if error is not None and error.code == ToolNotFound.code else result.tool
        variant = label(result.variants) if result.variants else ""
        if variant:
            self.tallies.call(result)
        self._calls.of(tool, call_outcome(result), variant, result.release).inc()
        if result.attempts and not result.cached and not result.journaled:
            self._call_s.of(tool, variant).observe(result.duration_s)
            if result.queued_s:
                self._queued_s.of(tool).observe(result.queued_s)

    def _count_run(self, event: RunFinished) -> None:
        result, agent = event.result, event.agent
        variant = label(result.variants) if result.variants else ""
        if variant:
            self.tallies.run(result)
        self._runs.of(agent, run_outcome(result), variant).inc()
        self._run_s.of(agent, variant).observe(result.execution_time_s)
        self._iterations.of(agent, variant).observe(result.iterations)
        for step in result.trace:
            if step.get("kind") == "model":
                self._count_answer(agent, variant, result.release, step)

    def _count_answer(self, agent: str, variant: str, release: str, step: Mapping[str, Any]) -> None:
        model = str(step.get("model", UNKNOWN))
        if cost := step.get("cost_usd"):
            self._cost.of(agent, model, variant, release).inc(float(cost))
        for direction in ("input", "output"):
            if tokens := step.get(f"{direction}_tokens"):
                self._tokens.of(agent, direction, model, variant, release).inc(tokens)

    def _count_model(self, event: ModelFinished) -> None:
        self._models.of(event.model, event.tier, event.outcome, event.release).inc()
        self._attempts.of(event.model, event.release).inc(event.attempts)
        self._model_s.of(event.model).observe(event.duration_s)

    def _counter(self, name: str, words: str, *labels: str) -> "_Children[Counter]":
        return _Children(Counter(name, words, labels, registry=self._registry), self._limit)

    def _histogram(self, name: str, words: str, buckets: tuple[float, ...], *labels: str) -> "_Children[Histogram]":
        return _Children(Histogram(name, words, labels, buckets=buckets, registry=self._registry), self._limit)


class _Children(Generic[M]):
    """One metric's children by label values. Their number has an end, whatever is thrown at it."""

    def __init__(self, metric: M, limit: int) -> None:
        self._metric = metric
        self._limit = limit
        self._made: dict[tuple[str, ...], M] = {}

    def of(self, *labels: str) -> M:
        """The child with these label values, the name of the tool or agent first."""
        child = self._made.get(labels)
        return self._make(labels) if child is None else child

    def forget_last(self, value: str) -> None:
        """Remove the children whose last label has this value."""
        for labels in [labels for labels in self._made if labels[-1] == value]:
            del self._made[labels]
            self._metric.remove(*labels)

    def _make(self, labels: tuple[str, ...]) -> M:
        if len(self._made) >= self._limit:
            labels = (OTHER, *labels[1:])
            if len(self._made) >= self._limit + SPARE_CHILDREN and labels not in self._made:
                labels = (OTHER,) * len(labels)
        child = self._made[labels] = self._metric.labels(*labels)
        return child

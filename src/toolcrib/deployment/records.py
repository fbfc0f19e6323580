"""What is written down of a deployment: its outcome, and how long each phase took."""

from toolcrib.core.ports import Clock
from toolcrib.core.releases import ColdChange, Deployment, DeploymentState, Manifest
from toolcrib.deployment.gate.gate import NOT_COMPARED
from toolcrib.deployment.ports import Basis
from toolcrib.registry.registry import Registry


class Stopwatch:
    """Seconds by phase."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = self._last = clock.monotonic()
        self._laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        """Everything since the last lap was spent on `name`."""
        now = self._clock.monotonic()
        self._laps[name] = now - self._last
        self._last = now

    def laps(self) -> dict[str, float]:
        """All phases and their total."""
        return {**self._laps, "total": self._clock.monotonic() - self._began}


class Work:
    """One deployment under way: who asked for it, why, on which figures, and what it has cost so far.

    Attributes:
        decision: the gate's, once it was made.
    """

    def __init__(
        self,
        *,
        actor: str,
        clock: Clock,
        why: str = "",
        basis: Basis | None = None,
        restart_needed: tuple[ColdChange, ...] = (),
    ) -> None:
        self.actor = actor
        self.why = why
        self.restart_needed = restart_needed
        self.decision = NOT_COMPARED
        self._figures = basis.figures if basis else {}
        self.watch = Stopwatch(clock)
        self._clock = clock

    def now(self) -> float:
        """Unix time."""
        return self._clock.now()

    def outcome(
        self,
        state: DeploymentState,
        manifest: Manifest,
        registry: Registry,
        *,
        previous: str | None = None,
    ) -> Deployment:
        """What became of it; `previous` is the release that serves now unless another is named."""
        serving = registry.current.release.id if registry.generation else ""
        return Deployment(
            state=state,
            release=manifest.release,
            previous=serving if previous is None else previous,
            generation=registry.generation,
            reasons=self.decision.reasons,
            diff=self.decision.diff,
            verdict=self.decision.verdict,
            accepted=self.decision.accepted,
            timings_s=self.watch.laps(),
            actor=self.actor,
            why=self.why,
            figures=self._figures,
            at=self._clock.now(),
            restart_needed=self.restart_needed,
        )

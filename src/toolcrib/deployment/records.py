"""What is written down of a deployment: its outcome, and how long each phase took."""

import asyncio
from pathlib import Path

from toolcrib.core.ports import Clock
from toolcrib.core.releases import ColdChange, Deployment, DeploymentState, Manifest, Revision
from toolcrib.deployment.gate.gate import NOT_COMPARED
from toolcrib.deployment.ports import Basis
from toolcrib.deployment.revision import read_revision
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
        directory: where the tree came from; None for one that was sent.
        git: what git says of the tree.
        seen_tree: digest of the project's own directory, where the tree came from elsewhere; None where it is the tree.
    """

    def __init__(
        self,
        *,
        actor: str,
        who: str = "",
        clock: Clock,
        why: str = "",
        basis: Basis | None = None,
        restart_needed: tuple[ColdChange, ...] = (),
    ) -> None:
        self.actor = actor
        self.who = who
        self.why = why
        self.directory: Path | None = None
        self.git: Revision | None = None
        self.seen_tree: str | None = None
        self.restart_needed = restart_needed
        self.decision = NOT_COMPARED
        self._figures = basis.figures if basis else {}
        self.watch = Stopwatch(clock)
        self._clock = clock

    def tree(self, candidate: Manifest) -> str:
        """Digest of the project's own directory: the candidate, unless that came from elsewhere."""
        return candidate.digest if self.seen_tree is None else self.seen_tree

    async def ask_git(self, candidate: Manifest) -> None:
        """Note what git says of the tree's directory, where it has one."""
        if self.directory is not None:
            self.git = await asyncio.to_thread(read_revision, self.directory, candidate.files)

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
        generation: int | None = None,
    ) -> Deployment:
        """What became of it; `previous` and `generation` are those of what serves now unless others are named."""
        serving = registry.current.release.id if registry.generation else ""
        return Deployment(
            state=state,
            release=manifest.release,
            previous=serving if previous is None else previous,
            generation=registry.generation if generation is None else generation,
            reasons=self.decision.reasons,
            diff=self.decision.diff,
            verdict=self.decision.verdict,
            accepted=self.decision.accepted,
            timings_s=self.watch.laps(),
            actor=self.actor,
            who=self.who,
            git=self.git,
            why=self.why,
            figures=self._figures,
            at=self._clock.now(),
            restart_needed=self.restart_needed,
        )

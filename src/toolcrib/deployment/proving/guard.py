"""`Guard`: looks after what has still to prove itself: promotes a canary, rolls it back, calls a release permanent."""

import logging
from dataclasses import dataclass

from toolcrib.core.errors import Conflict, GenerationConflict, NotFound
from toolcrib.core.events import CanaryRolledBack
from toolcrib.deployment.ports import Basis
from toolcrib.deployment.proving.canaries import Canaries, CanaryStatus
from toolcrib.deployment.proving.guardrails import worse_than_before
from toolcrib.deployment.proving.ports import ProvingPorts
from toolcrib.deployment.proving.scores import Scores, Tallies, Tally
from toolcrib.registry.registry import Registry
from toolcrib.registry.release import Release
from toolcrib.registry.routing import Published

log = logging.getLogger(__name__)
LOOK_S = 1.0
BEFORE_RUNS = 1_000
"""So many of the ledger's newest runs tell how often runs failed before a release came."""
ENDS = frozenset({"success", "error", "interrupted"})
ACTOR = "guard"


@dataclass(slots=True)
class _Baking:
    """A release that serves all and has still to prove itself: since when (monotonic), and how things were before."""

    digest: str
    since: float
    before: Tallies
    told: bool = False


def count_canary(scores: Scores, registry: Registry) -> bool:
    """Count for the canary and the release beside it from now on, and say whether there is a canary.

    Called as soon as a deployment is told, so that the first calls count, and at each look of the guard: another
    process may have begun the canary.
    """
    if not registry.generation or (split := registry.current.split) is None or split.canary is None:
        return False
    scores.begin(split.salt, (split.canary.id, registry.current.release.id))
    return True


class Guard:
    """Judges by what this process served. Several processes on one store guard each for itself; the first one wins.

    A canary's bake time counts from its beginning, also over a restart, after which its figures are gathered anew. That
    of a release that serves all counts from when this process first saw it.
    """

    def __init__(self, ports: ProvingPorts, canaries: Canaries) -> None:
        self._ports = ports
        self._canaries = canaries
        self._baking: _Baking | None = None
        self._proven = 0

    async def run(self) -> None:
        """Look every second, for ever."""
        while True:
            await self._ports.clock.sleep(LOOK_S)
            await self.look()

    async def look(self) -> None:
        """One look; it reads the store only while something is on trial."""
        if not self._ports.registry.generation:
            return
        published = self._ports.registry.current
        if count_canary(self._ports.scores, self._ports.registry):
            await self._look_at_canary(published)
        elif published.generation != self._proven:
            await self._look_at_stable(published)

    async def _look_at_canary(self, published: Published) -> None:
        try:
            status = await self._canaries.status()
            if status.generation == published.generation:  # else this process has still to follow another one
                await self._act(status)
        except (GenerationConflict, NotFound):
            log.info("another process was faster with the canary", extra={"generation": published.generation})

    async def _act(self, status: CanaryStatus) -> None:
        deployer, why = self._ports.deployer, status.verdict.why
        basis = Basis(generation=status.generation, figures=status.figures)
        match status.verdict.move:
            case "promote":
                await deployer.promote(actor=ACTOR, why=why, basis=basis)
            case "roll_back":
                await deployer.withdraw(actor=ACTOR, why=why, basis=basis)
                incident = CanaryRolledBack(
                    release=status.release, stable=status.stable, why=why, figures=status.figures
                )
                self._ports.events.emit(incident)
            case "go_on":
                return

    async def _look_at_stable(self, published: Published) -> None:
        """A release that serves all is permanent when its bake time is over and no more fails than did before."""
        ports, release = self._ports, published.release
        if self._baking is None or self._baking.digest != release.digest:
            self._baking = await self._begin(release)
        if self._baking is None:
            return self._done(published)
        ports.scores.begin(release.digest, (release.id,))
        if ports.clock.monotonic() - self._baking.since < ports.settings.bake_s:
            return None
        whole = ports.scores.figures(release.id).whole
        if why := worse_than_before(whole, self._baking.before, ports.settings):
            if not self._baking.told:
                self._baking.told = True
                log.warning("release stays provisional", extra={"release": release.id, "why": why})
            return None
        try:
            await ports.store.move(release.digest, "permanent")
            log.info("release is permanent", extra={"release": release.id})
        except Conflict:
            self._baking = None  # another process has let something else serve: look at its state again
            return None
        return self._done(published)

    async def _begin(self, release: Release) -> _Baking | None:
        """Begin to look after a release; None when it has proven itself already."""
        if (await self._ports.store.find(release.digest)).state != "active":
            return None
        runs = [
            run
            for run in await self._ports.ledger.runs(BEFORE_RUNS)
            if run.release != release.digest and run.status in ENDS
        ]
        failed = sum(run.status == "error" for run in runs)
        before: Tallies = {"runs": Tally(ended=len(runs), faults={"errors": failed}), "calls": Tally()}
        return _Baking(release.digest, self._ports.clock.monotonic(), before)

    def _done(self, published: Published) -> None:
        self._baking = None
        self._proven = published.generation
        self._ports.scores.begin("", ())

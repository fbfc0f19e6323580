"""`Canaries`: what callers ask of the canary: how it does, another percentage, its end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolcrib.core.errors import NotFound
from toolcrib.core.releases import Canary, Channel, Deployment, release_id
from toolcrib.deployment.ports import Basis, Plan
from toolcrib.deployment.proving.guardrails import Verdict, judge
from toolcrib.deployment.proving.ports import ProvingPorts
from toolcrib.deployment.proving.scores import Figures, Tallies


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryStatus:
    """How the canary does.

    Attributes:
        release, stable: ids of the canary and of the release beside it.
        generation: of the channel that says so.
        since: Unix time of its beginning, seconds.
        bake_s, min_samples: seconds and samples before it may be promoted.
        left_s: seconds of its bake time that are left.
        verdict: what is to be done with it by the figures of this process.
        figures: what this process saw of both sides: `canary` and `stable` -> `recent` (the window) and `whole` (since
            the canary began here) -> `runs` and `calls`.
    """

    release: str
    stable: str
    generation: int
    percent: float
    tenants: tuple[str, ...]
    since: float
    bake_s: float
    min_samples: int
    left_s: float
    verdict: Verdict
    figures: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The status as JSON-ready mapping."""
        data = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "verdict"}
        return {**data, "tenants": list(self.tenants), "move": self.verdict.move, "why": self.verdict.why}


class Canaries:
    """The canary of a project; there is one at a time. `Crib.deploy(canary=…)` begins it."""

    def __init__(self, ports: ProvingPorts) -> None:
        self._ports = ports

    async def status(self) -> CanaryStatus:
        """How the canary does.

        Raises:
            NotFound: there is none.
        """
        channel, canary = await self._now()
        ports, settings = self._ports, self._ports.settings
        rules = settings.model_copy(
            update={
                "bake_s": settings.bake_s if canary.bake_s is None else canary.bake_s,
                "min_samples": canary.min_samples or settings.min_samples,
            }
        )
        mine, other = (ports.scores.figures(release_id(digest)) for digest in (canary.digest, channel.digest))
        left_s = max(0.0, canary.since + rules.bake_s - ports.clock.now())
        return CanaryStatus(
            release=release_id(canary.digest),
            stable=release_id(channel.digest),
            generation=channel.generation,
            percent=canary.percent,
            tenants=canary.tenants,
            since=canary.since,
            bake_s=rules.bake_s,
            min_samples=rules.min_samples,
            left_s=left_s,
            verdict=judge(mine, other, rules, left_s=left_s),
            figures={"canary": _told(mine), "stable": _told(other)},
        )

    async def change(
        self,
        percent: float | None = None,
        *,
        tenants: Sequence[str] | None = None,
        bake_s: float | None = None,
        min_samples: int | None = None,
        why: str = "",
        actor: str = "python",
        who: str = "",
    ) -> Deployment:
        """Change the part that the canary serves, or how it is judged; what is not given stays as it is.

        Its bake time goes on: it counts from the canary's beginning.

        Raises:
            NotFound: there is none.
            ValueError: a percentage below 0 or above 100, or nobody would see it.
            GenerationConflict: something else was deployed meanwhile.
        """
        channel, canary = await self._now()
        plan = Plan(
            to="canary",
            percent=canary.percent if percent is None else percent,
            tenants=canary.tenants if tenants is None else tuple(tenants),
            bake_s=bake_s,
            min_samples=min_samples,
            why=why,
        )
        basis = Basis(generation=channel.generation)
        return await self._ports.deployer.adjust(plan, actor=actor, who=who, basis=basis)

    async def end(self, *, why: str = "", actor: str = "python", who: str = "") -> Deployment:
        """Let the stable release serve all again; the canary's runs end on it.

        Raises:
            NotFound: there is none. (`Crib.rollback` would go back behind the stable release then.)
        """
        return await self._ports.deployer.withdraw(actor=actor, who=who, why=why)

    async def _now(self) -> tuple[Channel, Canary]:
        channel = await self._ports.store.channel()
        if channel.canary is None:
            raise NotFound("There is no canary.", hint="`toolcrib deploy --canary 10` begins one.")
        return channel, channel.canary


def _told(figures: Figures) -> dict[str, Any]:
    def side(tallies: Tallies) -> dict[str, Any]:
        return {kind: tally.to_dict() for kind, tally in tallies.items()}

    return {"recent": side(figures.recent), "whole": side(figures.whole)}

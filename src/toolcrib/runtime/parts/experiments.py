"""`CribExperiments`: the experiments of a release, how their variants do here, and who is in which."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from toolcrib.core.errors import NotFound
from toolcrib.core.experiments.arms import Arm
from toolcrib.core.experiments.values import Experiment
from toolcrib.core.names import did_you_mean
from toolcrib.observability.experiments import Tallies
from toolcrib.registry.experiments import absence, choose
from toolcrib.registry.release import Release


@dataclass(frozen=True, slots=True, kw_only=True)
class CribExperiments:
    """The experiments of one release; counts are those of this process since it began."""

    release: Release
    tallies: Tallies

    def list(self) -> Sequence[dict[str, Any]]:
        """Every experiment, as `show` tells it."""
        return [self._told(one) for one in self.release.experiments.values()]

    def show(self, name: str) -> dict[str, Any]:
        """One experiment: what it changes, by what it goes, who is outside, and how each variant does.

        Raises:
            NotFound: the release has no such experiment; with near names.
        """
        if one := self.release.experiments.get(name):
            return self._told(one)
        known = self.release.experiments
        raise NotFound(f"There is no experiment named {name!r}.", hint=did_you_mean(name, known))

    def explain(
        self, tool: str, *, agent: str = "", tenant: str = "", user: str = "", thread_id: str = ""
    ) -> Sequence[dict[str, Any]]:
        """The experiments that change the tool, or the agent that calls it: name, variant, and why there is none."""
        who = {"tenant": tenant, "user": user, "thread": thread_id}
        found = [one for one in self.release.experiments.values() if tool in one.tools or agent in one.agents]
        return [
            {
                "experiment": one.name,
                "by": one.by,
                "variant": arm.variant if (arm := choose(one, **who)) else "",
                "why_none": absence(one, **who),
                "place": one.place,
            }
            for one in found
        ]

    def _told(self, one: Experiment) -> dict[str, Any]:
        document = one.to_dict()
        variants = {
            name: {**words, **self.tallies.of(Arm(one.name, name))} for name, words in document["variants"].items()
        }
        return {**document, "variants": variants}

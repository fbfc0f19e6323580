"""Which voice a run has: that of its tenant, or of the variants of experiments that it is in."""

from collections.abc import Mapping
from dataclasses import replace

from toolcrib.agents.models.offer import Bind
from toolcrib.agents.parts import AgentParts, Voice
from toolcrib.agents.scope import RunScope
from toolcrib.core.experiments.arms import Arm, Arms


class Voices:
    """The voices of one agent: those of its tenants, and of the variants its runs are in, made when first needed.

    Args:
        parts: tenant, empty for all others, or a variant of an experiment -> what the agent is made of for it.
        bind: how its models are told of the tools; see `Offer`.
    """

    def __init__(self, parts: Mapping[str | Arm, AgentParts], *, bind: Bind | None = None) -> None:
        self.name = next(iter(parts.values())).name
        self._parts = parts
        self._bind = bind
        self._whole = {whom: Voice(own, bind=bind) for whom, own in parts.items()}
        self._mixed: dict[tuple[str | Arm, Arms], Voice] = {}

    def of(self, scope: RunScope) -> Voice:
        """The voice for a run."""
        if not scope.arms:
            return self._whole.get(scope.tenant) or self._whole[""]
        whose: tuple[str | Arm, ...] = (*scope.arms, scope.tenant)
        whom = next((one for one in whose if one in self._parts), "")
        voice = self._mixed.get((whom, scope.arms))
        if voice is None:
            voice = self._mixed[whom, scope.arms] = Voice(self._in_variants(whom, scope), bind=self._bind)
        return voice

    def _in_variants(self, whom: str | Arm, scope: RunScope) -> AgentParts:
        """The agent with the tools that its calls find."""
        parts = self._parts[whom]
        found = ((one, scope.find(one.name)) for one in parts.tools)
        return replace(parts, tools=[tool.spec if tool else one for one, tool in found])

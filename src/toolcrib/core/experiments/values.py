"""`Experiment`: what a release knows of an experiment, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Unit = Literal["tenant", "user", "thread"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One variant.

    Attributes:
        weight: its share is this by the sum of all weights.
        tools: name of a tool -> name of the tool whose code goes by it.
        agents: name of an agent -> names of its fields that are otherwise.
        digest: changes when what it changes does.
    """

    weight: float
    tools: Mapping[str, str] = field(default_factory=dict)
    agents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """An experiment of one release.

    Attributes:
        name: its name in `tools.yaml`.
        by: who stays on one variant.
        salt: what makes its choice its own.
        variants: name -> variant, in the order in which they are written.
        tools, agents: names of what is otherwise in any of its variants.
        outside: tenants that take no part, because they have one of these tools or agents otherwise than all others.
        place: where it is written, `file:line`.
    """

    name: str
    by: Unit
    salt: str
    variants: Mapping[str, Variant]
    tools: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()
    outside: frozenset[str] = frozenset()
    place: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The experiment as JSON-ready mapping; `share` is from 0 to 1."""
        total = sum(one.weight for one in self.variants.values())
        variants = {
            name: {
                "weight": one.weight,
                "share": one.weight / total,
                "tools": dict(one.tools),
                "agents": {agent: list(fields) for agent, fields in one.agents.items()},
            }
            for name, one in self.variants.items()
        }
        return {
            "name": self.name,
            "by": self.by,
            "salt": self.salt,
            "place": self.place,
            "tools": sorted(self.tools),
            "agents": sorted(self.agents),
            "outside": sorted(self.outside),
            "variants": variants,
        }

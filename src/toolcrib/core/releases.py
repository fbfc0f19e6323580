"""The life of a release: its states, the one table of legal moves, and what a deployment reports."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from toolcrib.core.reasons import Reason

ReleaseState = Literal["staged", "verified", "rejected", "active", "draining", "drained", "retired"]

MOVES: Mapping[ReleaseState, frozenset[ReleaseState]] = MappingProxyType(
    {
        "staged": frozenset({"verified", "rejected"}),
        "rejected": frozenset({"staged"}),
        "verified": frozenset({"active"}),
        "active": frozenset({"draining"}),
        "draining": frozenset({"active", "drained"}),
        "drained": frozenset({"active", "retired"}),
        "retired": frozenset({"active"}),
    }
)
"""From which state a release may go to which; machine, stores and property tests read this table and no other."""

DeploymentState = Literal["active", "rejected", "unchanged", "rolled_back"]


def release_id(digest: str) -> str:
    """The short id people use, `r-` and eight hex digits of the manifest's digest."""
    return f"r-{digest[:8]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a release is made of: path in the project -> sha-256 of its bytes. `digest` names the whole."""

    digest: str
    files: Mapping[str, str]

    @property
    def release(self) -> str:
        """Id of the release with this manifest."""
        return release_id(self.digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference between two releases: `kind` is tool, agent, prompt, graph, config or file."""

    kind: str
    name: str
    change: Literal["added", "removed", "changed"]
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What became of one deployment.

    Attributes:
        state: `active`, `rejected`, `unchanged` (the tree is what already serves) or `rolled_back`.
        release: id of the candidate; the one that serves unless `rejected`.
        previous: id of the release that served before; empty when none did.
        generation: the registry's generation afterwards.
        reasons: why it was rejected; empty otherwise.
        diff: what changed against `previous`.
        timings_s: seconds by phase: scan, verify, load, activate, total.
        actor: who asked: watch, cli, http, python.
        at: Unix time, seconds.
    """

    state: DeploymentState
    release: str
    previous: str = ""
    generation: int = 0
    reasons: tuple[Reason, ...] = ()
    diff: tuple[Change, ...] = ()
    timings_s: Mapping[str, float] = field(default_factory=dict)
    actor: str = "python"
    at: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """The deployment as JSON-ready mapping."""
        data = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return data | {
            "reasons": [reason.to_dict() for reason in self.reasons],
            "diff": [{name: getattr(c, name) for name in c.__dataclass_fields__} for c in self.diff],
            "timings_s": dict(self.timings_s),
        }

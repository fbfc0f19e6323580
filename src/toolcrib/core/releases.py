"""The life of a release: its states, the one table of legal moves, the channel that points at what serves."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, Literal, get_args

from toolcrib.core.reasons import Reason

ReleaseState = Literal[
    "staged",
    "verified",
    "rejected",
    "inactive",
    "canary",
    "active",
    "permanent",
    "draining",
    "drained",
    "retired",
    "collected",
]
"""`inactive` is stored and serves nobody; `active` serves, but has still to prove itself; `permanent` has.

Of a `collected` one the files are gone: it comes back as `staged` or `verified` when the same tree is deployed again.
"""

MOVES: Mapping[ReleaseState, frozenset[ReleaseState]] = MappingProxyType(
    {
        "staged": frozenset({"verified", "rejected", "collected"}),
        "rejected": frozenset({"staged", "collected"}),
        "verified": frozenset({"inactive", "canary", "active", "collected"}),
        "inactive": frozenset({"canary", "active", "retired", "collected"}),
        "canary": frozenset({"active", "draining"}),
        "active": frozenset({"permanent", "draining"}),
        "permanent": frozenset({"draining"}),
        "draining": frozenset({"canary", "active", "drained", "collected"}),
        "drained": frozenset({"canary", "active", "retired", "collected"}),
        "retired": frozenset({"canary", "active", "collected"}),
        "collected": frozenset({"staged", "verified"}),
    }
)
"""From which state a release may go to which; machine, stores and property tests read this table and no other."""

SERVING: frozenset[ReleaseState] = frozenset({"canary", "active", "permanent"})

DeploymentState = Literal[
    "active", "canary", "promoted", "withdrawn", "inactive", "rejected", "unchanged", "rolled_back", "held", "drained"
]


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


Verdict = Literal["safe", "needs_pin", "needs_migration", "breaking"]
"""What a difference means for the threads of the older release, the mildest first.

`safe`: any of them may go over. `needs_pin`: one that waits (for a person, for a result) ends on the older release; it
may go over with its next turn. `needs_migration`: what is saved of it must be changed before it may go over.
`breaking`: it cannot go over.
"""

Acceptable = Literal["permissions", "stranded"]
"""What the gate refuses unless somebody accepts it: lowered guards, and threads that wait and cannot come along."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """A release that serves a part of what comes, beside the stable one.

    Attributes:
        digest: manifest digest of the release.
        percent: of threads (of calls, where there is no thread) that see it, 0 to 100.
        tenants: tenants that see it whatever the percentage.
        salt: what makes the choice of threads this canary's own.
        since: Unix time of its beginning, seconds.
        bake_s: seconds before it may be promoted; None for the setting.
        min_samples: runs or calls that must have ended on both sides; None for the setting.
    """

    digest: str
    percent: float = 0.0
    tenants: tuple[str, ...] = ()
    salt: str = ""
    since: float = 0.0
    bake_s: float | None = None
    min_samples: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """The pointer to what serves.

    Attributes:
        generation: grows with every change of what serves.
        digest: manifest digest of the stable release; empty before the first.
        canary: what serves beside it, if anything does.
        held: tenant -> digest of the release it is held on, whatever else serves.
        seen_tree: digest of the working tree last looked at; a roll-back holds until the tree differs from it.
    """

    generation: int = 0
    digest: str = ""
    canary: Canary | None = None
    held: Mapping[str, str] = field(default_factory=dict)
    seen_tree: str = ""

    @property
    def serving(self) -> frozenset[str]:
        """Digests of all releases that serve anybody."""
        canary = {self.canary.digest} if self.canary else set()
        return frozenset({self.digest, *canary, *self.held.values()} - {""})

    def to_dict(self) -> dict[str, Any]:
        """Who sees which release, by ids, as JSON-ready mapping."""
        canary = self.canary
        return {
            "stable": release_id(self.digest) if self.digest else "",
            "canary": None
            if canary is None
            else {
                "release": release_id(canary.digest),
                "percent": canary.percent,
                "tenants": list(canary.tenants),
                "since": canary.since,
            },
            "held": {tenant: release_id(digest) for tenant, digest in sorted(self.held.items())},
        }


def repointed(before: Channel, after: Channel) -> dict[str, ReleaseState]:
    """Which releases change their state when the channel changes: digest -> new state."""
    moves: dict[str, ReleaseState] = dict.fromkeys(sorted(before.serving - after.serving), "draining")
    canary = after.canary.digest if after.canary else ""
    if canary and canary not in before.serving:  # what serves a held tenant already stays `active`
        moves[canary] = "canary"
    for digest in sorted(after.serving - {canary}):
        was_canary = before.canary is not None and before.canary.digest == digest
        if digest not in before.serving or was_canary:
            moves[digest] = "active"
    return moves


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference between two releases.

    Attributes:
        kind: `tool`, `agent`, `graph` or `state` (those of an agent), `prompt`, `money` (budgets, prices), or `release`
            when no more can be told.
        name: of the tool or the agent, path of the prompt, place of the money in agents.yaml, id of the release.
        detail: what about it.
        tenant: for whom, when it is a tenant's own; empty for all.
        verdict: what it means for threads; None in records of versions that did not judge.
        why: the reason for a verdict other than `safe`.
    """

    kind: str
    name: str
    change: Literal["added", "removed", "changed"]
    detail: str = ""
    verdict: Verdict | None = None
    why: str = ""
    tenant: str = ""


def worst(changes: Iterable[Change]) -> Verdict:
    """The verdict on all of them."""
    return max((change.verdict or "safe" for change in changes), key=get_args(Verdict).index, default="safe")


ColdKind = Literal["settings", "dependencies", "compiled", "environment", "python"]

_WHY_COLD: Mapping[ColdKind, str] = MappingProxyType(
    {
        "settings": "Settings are read once, when the process starts.",
        "dependencies": "Install what the project asks for; a process keeps the packages it has imported.",
        "compiled": "Compiled code is no part of a release; a process loads it once.",
        "environment": "A process keeps the environment variables it was started with.",
        "python": "A process keeps the Python it was started with.",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdChange:
    """What differs from what the process took from the project when it started: it needs a rolling restart.

    Attributes:
        kind: what it is about.
        file: path in the project, or `installed packages`.
        items: which parts of the file, e.g. `server.port`; empty when all of it counts.
    """

    kind: ColdKind
    file: str
    items: tuple[str, ...] = ()

    @property
    def why(self) -> str:
        """Why this cannot change while the process runs."""
        return _WHY_COLD[self.kind]

    def __str__(self) -> str:
        """The file and its parts, e.g. `toolcrib.yaml (server.port)`."""
        shown = ", ".join((*self.items[:5], f"{len(self.items) - 5} more") if len(self.items) > 6 else self.items)
        return f"{self.file} ({shown})" if shown else self.file

    def to_dict(self) -> dict[str, Any]:
        """The change as JSON-ready mapping."""
        return {"kind": self.kind, "file": self.file, "items": list(self.items), "why": self.why}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "ColdChange":
        """The inverse of `to_dict`."""
        return cls(kind=data["kind"], file=data["file"], items=tuple(data["items"]))


def restart_line(changes: Iterable[ColdChange]) -> str:
    """What needs a rolling restart, in one line; empty when nothing does."""
    told = "; ".join(str(change) for change in changes)
    return f"needs a rolling restart: {told}" if told else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What git says of a tree.

    Attributes:
        commit: the full id of the commit that is checked out; empty before the first.
        branch: its branch; empty when none is checked out.
        dirty: whether the release's files differ from the commit; None when that is not known.
    """

    commit: str
    branch: str = ""
    dirty: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What became of one deployment.

    Attributes:
        state: `active`, `canary` (serves a part), `promoted` (a canary that serves all now), `withdrawn` (a canary that
            serves nobody any more), `inactive` (kept, serves nobody), `rejected`, `unchanged` (the tree is what already
            serves), `rolled_back`, `held` (for one tenant) or `drained` (taken out of memory).
        release: id of the candidate.
        previous: id of the release that served before; empty when none did.
        generation: the registry's generation afterwards.
        reasons: why it was rejected; empty otherwise.
        diff: what changed against `previous`; for a rejected one as far as it came.
        verdict: what that means for threads; None when nothing was compared.
        accepted: what would have been a reason, had it not been accepted.
        timings_s: seconds by phase: scan, verify, load, activate, total; up to the write that lets it serve.
        actor: by which way it was asked for: watch, start, cli, http, upload, python, guard.
        who: who asked, `user@host` or what the client of a server calls itself; empty in records of older versions.
        git: the commit of the tree; None where there is no git, and for what changes no tree.
        why: what they said of it, or what the guard saw.
        figures: what the guard compared, of the `canary` and the `stable` release; what a drain `stopped`; else empty.
        at: Unix time, seconds.
        restart_needed: what the directory says by now that only a restart of the process takes up; rejects nothing.
    """

    state: DeploymentState
    release: str
    previous: str = ""
    generation: int = 0
    reasons: tuple[Reason, ...] = ()
    diff: tuple[Change, ...] = ()
    verdict: Verdict | None = None
    accepted: tuple[Reason, ...] = ()
    timings_s: Mapping[str, float] = field(default_factory=dict)
    actor: str = "python"
    who: str = ""
    git: Revision | None = None
    why: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)
    at: float = 0.0
    restart_needed: tuple[ColdChange, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The deployment as JSON-ready mapping."""
        data = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return data | {
            "reasons": [reason.to_dict() for reason in self.reasons],
            "diff": [asdict(change) for change in self.diff],
            "accepted": [reason.to_dict() for reason in self.accepted],
            "timings_s": dict(self.timings_s),
            "git": asdict(self.git) if self.git else None,
            "figures": dict(self.figures),
            "restart_needed": [change.to_dict() for change in self.restart_needed],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What the gate says of a tree that is not deployed.

    Attributes:
        reasons: why it would be rejected; empty when it would pass.
        against: id of the release it was compared with; empty when none serves.
        diff, verdict, accepted: as of a `Deployment`.
        untried: examples that were not run, and why.
    """

    reasons: tuple[Reason, ...]
    against: str = ""
    diff: tuple[Change, ...] = ()
    verdict: Verdict | None = None
    accepted: tuple[Reason, ...] = ()
    untried: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The verification as JSON-ready mapping."""
        return {
            "ok": not self.reasons,
            "reasons": [reason.to_dict() for reason in self.reasons],
            "against": self.against,
            "verdict": self.verdict,
            "diff": [asdict(change) for change in self.diff],
            "accepted": [reason.to_dict() for reason in self.accepted],
            "untried": list(self.untried),
        }

"""Routing: which release a caller sees, as a pure function of what is published and of who asks."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from toolcrib.registry.buckets import bucket
from toolcrib.registry.release import Release


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """What serves beside the stable release.

    Attributes:
        canary: the release on trial, for `percent` of the keys and for all keys of `tenants`.
        percent: 0 to 100, in steps of a hundredth.
        tenants: those that see the canary whatever the percentage.
        salt: what makes the choice of keys this canary's own.
        held: tenant -> the release it is held on; a hold goes before everything else.
    """

    canary: Release | None = None
    percent: float = 0.0
    tenants: frozenset[str] = frozenset()
    salt: str = ""
    held: Mapping[str, Release] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Published:
    """What serves: one object behind one reference, so that a reader sees the whole old or the whole new one.

    Attributes:
        generation: grows with every change of what serves.
        release: the stable release.
        split: what serves beside it; None when nothing does.
    """

    generation: int
    release: Release
    split: Split | None = None

    def route(self, *, tenant: str, key: str) -> Release:
        """The release for this caller: always the same one for the same tenant and key.

        Args:
            tenant: on whose behalf.
            key: what stays on one side of a canary: a thread's id, an idempotency key.
        """
        split = self.split
        if split is None:
            return self.release
        if held := split.held.get(tenant):
            return held
        if split.canary and (tenant in split.tenants or bucket(split.salt, tenant, key) < split.percent * 100):
            return split.canary
        return self.release

    @property
    def releases(self) -> tuple[Release, ...]:
        """All releases that serve anybody, the stable one first."""
        split = self.split or Split()
        beside = ([split.canary] if split.canary else []) + list(split.held.values())
        return tuple({one.digest: one for one in (self.release, *beside)}.values())

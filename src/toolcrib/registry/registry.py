"""`Registry`: where a release is published by one assignment, pinned by a run and leased by every user."""

from collections import Counter
from collections.abc import Mapping
from itertools import count

from toolcrib.core.errors import GenerationConflict, ReleaseInUse, ReleaseNotFound
from toolcrib.registry.release import Release
from toolcrib.registry.routing import Published, Split


class Lease:
    """A live use of a release, begun when it was made; it ends with its `with` block."""

    __slots__ = ("_registry", "holder", "release")

    def __init__(self, release: Release, holder: str, registry: "Registry") -> None:
        self.release = release
        self.holder = holder
        self._registry = registry

    def __enter__(self) -> Release:
        return self.release

    def __exit__(self, *raised: object) -> None:
        self._registry.end(self)


class Registry:
    """The releases in memory and those that serve. Belongs to one event loop; reading `current` is safe anywhere."""

    def __init__(self) -> None:
        self._published: Published | None = None
        self._resident: dict[str, Release] = {}
        self._leases: dict[str, Counter[str]] = {}
        self._nameless = count()

    @property
    def current(self) -> Published:
        """What serves now.

        Raises:
            ReleaseNotFound: nothing was ever published.
        """
        if self._published is None:
            raise ReleaseNotFound("No release serves yet.", hint="Deploy a project that passes `toolcrib verify`.")
        return self._published

    @property
    def generation(self) -> int:
        """Generation of what serves, 0 before the first."""
        return self._published.generation if self._published else 0

    def publish(
        self, release: Release, *, expected: int, generation: int | None = None, split: Split | None = None
    ) -> Published:
        """Let `release` serve, if the generation is still `expected` (compare-and-set).

        Args:
            release: the stable release; it becomes resident, and so do those of `split`.
            expected: the generation the caller decided on.
            generation: the new generation, `expected + 1` when not given; a replica that catches up may jump further.
            split: what serves beside it.

        Raises:
            GenerationConflict: somebody else published meanwhile; nothing was changed.
        """
        if self.generation != expected:
            raise GenerationConflict(
                f"Generation {expected} was expected, {self.generation} is what serves.",
                hint="Read the current generation and decide anew.",
            )
        published = Published(expected + 1 if generation is None else generation, release, split)
        self._resident.update((one.digest, one) for one in published.releases)
        self._published = published
        return published

    def route(self, *, tenant: str = "", key: str = "") -> Release:
        """The release that serves this caller now; see `Published.route`. Callers without a key are spread evenly.

        Raises:
            ReleaseNotFound: nothing was ever published.
        """
        published = self.current
        if published.split is None:
            return published.release
        return published.route(tenant=tenant, key=key or f"\x1f{next(self._nameless)}")

    def lease(self, *, holder: str, release: Release | None = None, tenant: str = "", key: str = "") -> "Lease":
        """Hold a release (default: the one that serves) for the length of a `with` block; it is not retired meanwhile.

        Args:
            holder: kind of user, for the census: `run`, `call`, `batch`.
            release: a resident release.
            tenant, key: who asks, where several releases serve; see `route`.

        Raises:
            ReleaseNotFound: nothing serves, or `release` was retired.
        """
        held = self.route(tenant=tenant, key=key) if release is None else release
        if held.digest not in self._resident:
            raise ReleaseNotFound(f"Release {held.id} has been retired.", hint="Load it from the store first.")
        leases = self._leases.get(held.digest)
        if leases is None:
            leases = self._leases[held.digest] = Counter()
        leases[holder] += 1
        return Lease(held, holder, self)

    def end(self, lease: "Lease") -> None:
        """Let go of a lease; `Lease` calls it at the end of its block."""
        leases = self._leases[lease.release.digest]
        leases[lease.holder] -= 1
        if not leases[lease.holder]:
            del leases[lease.holder]
            if not leases:
                del self._leases[lease.release.digest]

    def admit(self, release: Release) -> Release:
        """Make a release resident without letting it serve: a parked run needs it. Returns the resident one."""
        return self._resident.setdefault(release.digest, release)

    def resident(self, digest: str) -> Release | None:
        """The release with this digest, if it is in memory."""
        return self._resident.get(digest)

    def residents(self) -> tuple[Release, ...]:
        """All releases in memory, in order of arrival."""
        return tuple(self._resident.values())

    def idle(self) -> tuple[Release, ...]:
        """Releases in memory that neither serve nor have a lease, in order of arrival."""
        serving = {release.digest for release in self._published.releases} if self._published else set()
        return tuple(r for d, r in self._resident.items() if d not in serving and d not in self._leases)

    def retire(self, release: Release) -> None:
        """Let go of an idle release; from here on nobody can lease it.

        Raises:
            ReleaseInUse: it serves or has leases.
        """
        if release not in self.idle():
            raise ReleaseInUse(f"Release {release.id} is in use.", hint="Wait until its runs have ended.")
        del self._resident[release.digest]

    def census(self) -> Mapping[str, Mapping[str, int]]:
        """Who uses what: release id -> holder -> leases, for every release in memory."""
        return {r.id: dict(self._leases.get(d, ())) for d, r in self._resident.items()}

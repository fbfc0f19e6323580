"""`Registry`: where a release is published by one assignment, pinned by a run and leased by every user."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count

from toolcrib.core.errors import GenerationConflict, ReleaseDraining, ReleaseInUse, ReleaseNotFound
from toolcrib.registry.release import Release
from toolcrib.registry.routing import Published, Split


class Lease:
    """A live use of a release, begun when it was made; it ends with its `with` block."""

    __slots__ = ("_registry", "began", "holder", "release")

    def __init__(self, release: Release, holder: str, began: float, registry: "Registry") -> None:
        self.release = release
        self.holder = holder
        self.began = began
        self._registry = registry

    def __enter__(self) -> Release:
        return self.release

    def __exit__(self, *raised: object) -> None:
        self._registry.end(self)


def _no_time() -> float:
    """Nobody asks for the age of leases."""
    return 0.0


class Registry:
    """The releases in memory and those that serve. Belongs to one event loop; reading `current` is safe anywhere."""

    def __init__(self, *, monotonic: Callable[[], float] = _no_time) -> None:
        """An empty registry.

        Args:
            monotonic: reading of a clock, seconds, by which the age of leases is told.
        """
        self._published: Published | None = None
        self._resident: dict[str, Release] = {}
        self._leases: dict[str, dict[Lease, None]] = {}
        self._draining: set[str] = set()
        self._monotonic = monotonic
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
        self._draining.difference_update(one.digest for one in published.releases)  # it is wanted again
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
            ReleaseDraining: an operator drains it.
        """
        held = self.route(tenant=tenant, key=key) if release is None else release
        digest = held.digest
        if digest not in self._resident:
            raise ReleaseNotFound(f"Release {held.id} has been retired.", hint="Load it from the store first.")
        if digest in self._draining:
            raise ReleaseDraining(
                f"Release {held.id} is being drained.", hint="Try again: when it is over, the release is loaded anew."
            )
        leases = self._leases.get(digest)
        if leases is None:
            leases = self._leases[digest] = {}
        lease = Lease(held, holder, self._monotonic(), self)
        leases[lease] = None
        return lease

    def end(self, lease: "Lease") -> None:
        """Let go of a lease; `Lease` calls it at the end of its block."""
        leases = self._leases[lease.release.digest]
        del leases[lease]
        if not leases:
            del self._leases[lease.release.digest]

    @contextmanager
    def draining(self, release: Release) -> Iterator[None]:
        """For the length of the block nobody can lease this release; leases that there are stay.

        Raises:
            ReleaseDraining: somebody else drains it already.
            ReleaseInUse: it serves.
        """
        if release.digest in self._draining:
            raise ReleaseDraining(f"Release {release.id} is being drained already.", hint="Wait for that to end.")
        if release.digest in self._serving():
            raise ReleaseInUse(
                f"Release {release.id} serves.", hint="Let another one serve first: deploy, roll back, or unhold."
            )
        self._draining.add(release.digest)
        try:
            yield
        finally:
            self._draining.discard(release.digest)

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
        serving = self._serving()
        return tuple(r for d, r in self._resident.items() if d not in serving and d not in self._leases)

    def _serving(self) -> set[str]:
        """Digests of all releases that serve anybody."""
        return {release.digest for release in self._published.releases} if self._published else set()

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
        return {r.id: self.holders(r) for r in self._resident.values()}

    def holders(self, release: Release) -> Mapping[str, int]:
        """Who uses a release: holder -> leases; empty when nobody does."""
        return Counter(lease.holder for lease in self._leases.get(release.digest, ()))

    def oldest_s(self, release: Release) -> float | None:
        """How long its oldest lease has lasted by now, seconds; None without any."""
        began = (lease.began for lease in self._leases.get(release.digest, ()))
        return next((self._monotonic() - one for one in began), None)

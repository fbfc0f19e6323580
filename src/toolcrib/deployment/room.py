"""Room in memory: how many releases may be there at once, and who holds those that are."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from toolcrib.core.errors import ReleaseInUse
from toolcrib.registry.registry import Registry
from toolcrib.registry.release import Release


def _little() -> float:
    """Nobody has set a limit."""
    return 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How much memory the releases of one process may take.

    Attributes:
        releases: so many at once.
        memory_mb: what the process may use before a further one is taken in, MiB; None without limit.
        used_mb: what it uses now.
        wait_s: seconds for which a newcomer waits.
    """

    releases: int = 1_000
    memory_mb: int | None = None
    used_mb: Callable[[], float] = _little
    wait_s: float = 0.0

    def lacks(self, registry: Registry) -> str:
        """Why there is no room for one more, in words; empty when there is."""
        count = len(registry.residents())
        if count >= self.releases:
            return f"{count} releases are in memory, and no more may be (releases.in_memory)"
        if (used := self._too_much()) is not None:
            return f"the process uses {used:.0f} MiB, and {self.memory_mb} is the limit (releases.memory_mb)"
        return ""

    def exceeded(self, registry: Registry) -> bool:
        """Whether there are more than may be, or too large ones."""
        return len(registry.residents()) > self.releases or self._too_much() is not None

    def _too_much(self) -> float | None:
        used = 0.0 if self.memory_mb is None else self.used_mb()
        return used if self.memory_mb is not None and used > self.memory_mb else None


def no_room(newcomer: str, lack: str, registry: Registry) -> ReleaseInUse:
    """A release that would have to come into memory, and cannot."""
    return ReleaseInUse(
        f"There is no room for release {newcomer}: {lack}. In use are {'; '.join(_held(registry))}.",
        hint="Try again later, hurry one out with `toolcrib releases drain`, or raise the limit in toolcrib.yaml.",
    )


def _held(registry: Registry) -> Iterable[str]:
    serving = {one.digest for one in registry.current.releases} if registry.generation else set()
    for release in registry.residents():
        words = [*(["serves"] if release.digest in serving else []), *filter(None, [in_words(registry, release)])]
        yield f"{release.id} ({', '.join(words) or 'nobody, but code of a former call may still run'})"


def in_words(registry: Registry, release: Release) -> str:
    """Who uses a release: `2 runs, 1 call; the oldest for 12 s`."""
    users = [f"{count} {holder}{'' if count == 1 else _plural(holder)}" for holder, count in _sorted(registry, release)]
    oldest = registry.oldest_s(release)
    return ", ".join(users) + (f"; the oldest for {oldest:.0f} s" if oldest is not None else "")


def _sorted(registry: Registry, release: Release) -> list[tuple[str, int]]:
    return sorted(registry.holders(release).items())


def _plural(holder: str) -> str:
    return "es" if holder.endswith("ch") else "s"

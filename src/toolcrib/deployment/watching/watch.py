"""Watching a project: file events are a hint, the hash of the tree is the truth."""

import asyncio
import logging
from pathlib import Path

from toolcrib.core.errors import ProjectInvalid
from toolcrib.core.ports import Clock
from toolcrib.deployment.deployer import Deployer
from toolcrib.deployment.watching.looks import WatchOptions, looks
from toolcrib.deployment.watching.rest import at_work
from toolcrib.loader.bundle import Bundle, read_bundle

log = logging.getLogger(__name__)
MANY = 25
"""Who changes many files is a program that does so one by one, with pauses: for each file up to so many the tree must
stay the same for one `debounce_s` more."""
HALVED_S = 0.4
"""A file that has just become empty, or has gone, is half of a save; so long the other half is waited for."""
STALE_S = 5.0
"""Signs that others are at work are believed for so long while nothing changes: the lock of a git that died stays for
ever, and so may an open file. Only a file that was changed and is still open is waited for without end."""
TOLD_S = 2.0
"""A change that does not come to rest is told of after so long."""
LONGEST_PAUSE_S = 1.0


class Watcher:
    """Deploys a tree each time it has changed and come to rest."""

    def __init__(
        self,
        root: Path,
        *,
        options: WatchOptions,
        clock: Clock,
        deployer: Deployer,
    ) -> None:
        """Nothing happens before `run`.

        Args:
            root: the project's directory.
            options: how to watch.
            clock: time.
            deployer: takes a tree that has come to rest.
        """
        self._root = root
        self._options = options
        self._clock = clock
        self._deployer = deployer
        self._seen = ""
        self._last: Bundle | None = None

    async def run(self) -> None:
        """Watch until cancelled."""
        async for _ in looks(self._root, options=self._options, clock=self._clock):
            await self._try_to_look()

    async def _try_to_look(self) -> None:
        """Look; whatever goes wrong is told, and tried again at the next look."""
        try:
            await self._look()
        except ProjectInvalid as error:
            self._tell_unreadable(error)
        except Exception:  # outer guard: a store that is away for a moment must not end the watching
            log.exception("change could not be deployed")

    def _tell_unreadable(self, error: ProjectInvalid) -> None:
        """Say why the tree cannot be read, if that is news."""
        before, self._deployer.unreadable = self._deployer.unreadable, error
        if before is None or (before.message, before.reasons) != (error.message, error.reasons):
            reasons = [f"{reason.place} {reason.message}" for reason in error.reasons]
            log.warning("project cannot be read", extra={"reason": error.message, "reasons": reasons})

    async def _look(self) -> None:
        """Read the tree; when it is new, wait for it to come to rest, then deploy it."""
        bundle = await self._read()
        if self._last is None:
            settled = await self._deployer.is_settled(bundle.manifest)
            self._seen, self._last = bundle.manifest.digest if settled else "", bundle
        while bundle.manifest.digest != self._seen:
            bundle = await self._rested(bundle)
            if bundle.manifest.digest != self._seen:  # else it went back to what it was
                await self._deployer.deploy_bundle(bundle, actor="watch")
                self._seen, self._last = bundle.manifest.digest, bundle
                bundle = await self._read()

    async def _read(self) -> Bundle:
        bundle = await asyncio.to_thread(read_bundle, self._root)
        self._deployer.unreadable = None
        return bundle

    async def _rested(self, bundle: Bundle) -> Bundle:
        """The tree once nobody is at work on it any more and it stays the same."""
        began = still = now = self._clock.monotonic()
        told: set[str] = set()
        while True:
            changed, halved = _changes(self._last or bundle, bundle)
            quiet_s = max(self._options.debounce_s * min(len(changed) or 1, MANY), HALVED_S if halved else 0.0)
            await self._clock.sleep(max(quiet_s, min((now - still) / 4, LONGEST_PAUSE_S)))
            fresh = now - still < STALE_S
            paths = bundle.manifest.files if fresh else changed
            because = await asyncio.to_thread(at_work, self._root, paths, git=fresh)
            again = await self._read()
            now = self._clock.monotonic()
            if again.manifest.digest != bundle.manifest.digest:
                message, because = "the project does not come to rest", f"{_changes(bundle, again)[0][0]} has changed"
                bundle, still = again, now
            elif because:
                message = "the change waits until nobody is at work on the project"
            else:
                return bundle
            if now - began >= TOLD_S and message not in told:
                log.warning(message, extra={"because": because})
                told.add(message)


def _changes(before: Bundle, after: Bundle) -> tuple[list[str], bool]:
    """Paths of the files that differ, and whether one of them has become empty or has gone."""
    old, new = before.manifest.files, after.manifest.files
    changed = sorted(path for path in old.keys() | new.keys() if old.get(path) != new.get(path))
    return changed, any(not after.contents.get(path) and before.contents.get(path, b"new") for path in changed)

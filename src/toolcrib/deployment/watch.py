"""Watching a project: file events are a hint, the hash of the tree is the truth."""

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path

from watchfiles import awatch

from toolcrib.core.errors import ProjectInvalid
from toolcrib.core.ports import Clock
from toolcrib.deployment.deployer import Deployer
from toolcrib.loader.bundle import IGNORED_DIRECTORIES, Bundle, read_bundle

log = logging.getLogger(__name__)
EVENTS_MS = 10
"""Events are gathered for so long; the tree's rest is waited for afterwards, by its hash."""
EMPTIED_S = 0.4
"""A file that has just become empty is half of a save; so long its bytes are waited for."""
STOP_S = 0.5
"""The thread that waits for events comes back so often; some ways of cancelling wait for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchOptions:
    """How to watch.

    Attributes:
        debounce_s: the tree must stay the same for so long before it is taken.
        poll_s: the whole tree is looked at so often whatever the events say: they can miss a new directory's files.
        force_polling: use no file events at all, for network file systems.
    """

    debounce_s: float
    poll_s: float
    force_polling: bool = False


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
        events = awatch(
            self._root,
            watch_filter=None,  # sees all, or what is of no interest would put off the poll for ever
            debounce=EVENTS_MS,
            step=EVENTS_MS // 2,
            rust_timeout=int(min(self._options.poll_s, STOP_S) * 1000),
            yield_on_timeout=True,
            force_polling=self._options.force_polling,
            poll_delay_ms=max(50, int(self._options.poll_s * 1000)),
        )
        await self._try_to_look()
        looked = self._clock.monotonic() - self._options.poll_s  # look again once the watch stands
        async for changes in events:
            due = self._clock.monotonic() - looked >= self._options.poll_s
            if due or any(self._relevant(path) for _, path in changes):
                await self._try_to_look()
                looked = self._clock.monotonic()

    async def _try_to_look(self) -> None:
        """Look; whatever goes wrong is told, and tried again at the next look."""
        try:
            await self._look()
        except ProjectInvalid as error:
            log.warning("project cannot be read", extra={"reason": str(error)})
        except Exception:  # outer guard: a store that is away for a moment must not end the watching
            log.exception("change could not be deployed")

    async def _look(self) -> None:
        """Read the tree; when it is new, wait for it to come to rest, then deploy it."""
        bundle = await asyncio.to_thread(read_bundle, self._root)
        if self._last is None:
            settled = await self._deployer.is_settled(bundle.manifest)
            self._seen, self._last = bundle.manifest.digest if settled else "", bundle
        while bundle.manifest.digest != self._seen:
            await self._clock.sleep(EMPTIED_S if self._emptied(bundle) else self._options.debounce_s)
            again = await asyncio.to_thread(read_bundle, self._root)
            if again.manifest.digest != bundle.manifest.digest:
                bundle = again
                continue
            await self._deployer.deploy_bundle(bundle, actor="watch")
            self._seen, self._last = bundle.manifest.digest, bundle
            bundle = await asyncio.to_thread(read_bundle, self._root)

    def _emptied(self, bundle: Bundle) -> bool:
        """Whether a file that had content is empty now."""
        before = self._last.contents if self._last else {}
        return any(not data and before.get(path, b"new") for path, data in bundle.contents.items())

    def _relevant(self, path: str) -> bool:
        parts = Path(path).relative_to(self._root).parts if path.startswith(str(self._root)) else (path,)
        return not any(part.startswith(".") or part in IGNORED_DIRECTORIES for part in parts)

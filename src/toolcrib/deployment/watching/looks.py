"""When a tree is to be looked at: file events say so at once, the clock says so again and again."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from watchfiles import awatch

from toolcrib.core.ports import Clock
from toolcrib.loader.bundle import IGNORED_DIRECTORIES, release_directories

log = logging.getLogger(__name__)
EVENTS_MS = 10
"""Events are gathered for so long; the tree's rest is waited for afterwards, by its hash."""
STOP_S = 0.5
"""The thread that waits for events comes back so often; some ways of cancelling wait for it."""
RETRY_S = 30.0
"""So long the clock alone does it when file events cannot be had; then they are tried again."""
FIX = (
    "Raise fs.inotify.max_user_watches and fs.inotify.max_user_instances (Linux), or set `watch: {force_polling: true}`"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchOptions:
    """How to watch.

    Attributes:
        debounce_s: the tree must stay the same for so long before it is taken; longer when many files changed.
        poll_s: the whole tree is looked at so often whatever the events say.
        force_polling: use no file events at all, for network file systems.
    """

    debounce_s: float
    poll_s: float
    force_polling: bool = False


async def looks(root: Path, *, options: WatchOptions, clock: Clock) -> AsyncGenerator[None]:
    """Come up each time the tree is to be looked at; never end, never fail.

    Directories that hold no files of a release (`.git`, a virtual environment) are not watched: they would use up the
    system's watches and wake nobody to any purpose. Where events cannot be had, the clock alone does it.
    """
    had = True
    while True:
        alone_s = options.poll_s
        if not options.force_polling:
            try:
                async with aclosing(_told(root, options, clock)) as told:
                    async for _ in told:
                        if not had:
                            log.warning("file events work again")
                        had = True
                        yield
                continue
            except FileNotFoundError:
                pass  # the tree is away, or a directory of it has gone this moment
            except Exception as error:  # noqa: BLE001 - outer guard: whatever ails the events, the clock goes on
                alone_s = RETRY_S
                if had:
                    facts = {"reason": str(error)[:300], "looks_every_s": options.poll_s, "fix": FIX}
                    log.warning("file events do not work, the clock does", extra=facts)
                had = False
        until = clock.monotonic() + alone_s
        while options.force_polling or clock.monotonic() < until:
            yield
            await clock.sleep(options.poll_s)


async def _told(root: Path, options: WatchOptions, clock: Clock) -> AsyncGenerator[None]:
    """Looks that events and the clock ask for, until the directories are no longer those that are watched."""
    watched = await asyncio.to_thread(release_directories, root)
    events = awatch(
        *(watched or [root]),
        recursive=False,
        watch_filter=None,  # sees all, or what is of no interest would put off the poll for ever
        debounce=EVENTS_MS,
        step=EVENTS_MS // 2,
        rust_timeout=int(min(options.poll_s, STOP_S) * 1000),
        yield_on_timeout=True,
        force_polling=False,
        ignore_permission_denied=False,  # true keeps quiet about a limit that is reached, too
    )
    due = clock.monotonic()  # once the watch stands: of what came before it no event tells
    async with aclosing(events):
        async for changes in events:
            if clock.monotonic() >= due or any(_relevant(Path(path), root) for _, path in changes):
                yield
                due = clock.monotonic() + options.poll_s
                if await asyncio.to_thread(release_directories, root) != watched:
                    return
    raise OSError("the watch has ended")


def _relevant(path: Path, root: Path) -> bool:
    """Whether a change there may be one of the release; Kubernetes switches a mounted ConfigMap by a link `..data`."""
    hidden = path.name.startswith(".") and not path.name.startswith("..")
    return path == root or not (hidden or path.name in IGNORED_DIRECTORIES)

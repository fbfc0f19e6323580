"""Retiring a release nobody uses: its resources are closed, then its modules go; what its code left behind is told."""

import asyncio
import logging
import sys
import threading
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from types import CodeType, FrameType
from typing import Any

from toolcrib.core.events import ReleaseRetired
from toolcrib.core.ports import Resources
from toolcrib.core.wire.heap import give_back
from toolcrib.loader.modules import ModulePool
from toolcrib.registry.release import Release

log = logging.getLogger(__name__)


async def retire(
    release: Release, live: Sequence[Release], *, resources: Resources, pool: ModulePool
) -> ReleaseRetired:
    """Close what the release alone has open, look for what it left running, and let go of its modules.

    Args:
        release: a release without leases, of which the registry has let go.
        live: all releases that stay.
        resources: what is open.
        pool: what is loaded.
    """
    spaces = [one.modules for one in live]
    await resources.keep(spec for one in live for spec in one.resources.values())
    leaks = find_leaks(await asyncio.to_thread(pool.doomed, spaces))
    if leaks:
        log.warning("retired release left code running", extra={"release": release.id, "leaks": leaks})

    def free() -> int:
        freed = pool.sweep(spaces)
        release.modules.retire()
        give_back()
        return freed

    # In a worker thread, for a module that is just being imported holds this up.
    return ReleaseRetired(release=release.id, modules=await asyncio.to_thread(free), leaks=leaks)


def find_leaks(modules: Collection[str]) -> tuple[str, ...]:
    """Threads, and tasks of this event loop, that run code of these modules: `2 x thread poll (tools.feed:12)`."""
    found = Counter(f"{kind} {_told(frame)}" for kind, frame in (*_threads(modules), *_tasks(modules)))
    return tuple(sorted(name if count == 1 else f"{count} x {name}" for name, count in found.items()))


def _threads(modules: Collection[str]) -> Iterator[tuple[str, FrameType]]:
    """For each other thread, the outermost of its frames that is in these modules."""
    for ident, top in sys._current_frames().items():
        stack: list[FrameType] = []
        frame: FrameType | None = top
        while frame is not None:
            stack.append(frame)
            frame = frame.f_back
        if ident != threading.get_ident() and (own := _first(reversed(stack), modules)):
            yield "thread", own


def _tasks(modules: Collection[str]) -> Iterator[tuple[str, FrameType]]:
    for task in asyncio.all_tasks():
        if own := _first(_awaited(task.get_coro()), modules):
            yield "task", own


def _awaited(coroutine: Any) -> Iterator[FrameType]:
    """The frames of a coroutine and of all it waits for, the outermost first; they have other names by kind."""
    while coroutine is not None:
        frame = next((f for kind in ("cr", "gi", "ag") if (f := getattr(coroutine, f"{kind}_frame", None))), None)
        if frame is not None:
            yield frame
        coroutine = next((a for kind in ("cr", "gi", "ag") if (a := _waits_for(coroutine, kind)) is not None), None)


def _waits_for(coroutine: Any, kind: str) -> Any:
    return getattr(coroutine, f"{kind}_await", None) or getattr(coroutine, f"{kind}_yieldfrom", None)


def _first(frames: Iterator[FrameType], modules: Collection[str]) -> FrameType | None:
    return next((frame for frame in frames if frame.f_globals.get("__name__") in modules), None)


def _told(frame: FrameType) -> str:
    code: CodeType = frame.f_code
    module = str(frame.f_globals.get("__name__")).split(".", 2)[-1]
    return f"{code.co_qualname} ({module}:{code.co_firstlineno})"

"""`open_sync`: the same project for synchronous callers, over one portal to one event loop in a thread of its own."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal

from toolcrib.core.calls import ToolCall
from toolcrib.core.ports import CacheStats
from toolcrib.core.releases import Deployment
from toolcrib.core.results import RunResult, ToolResult
from toolcrib.registry.release import Release
from toolcrib.runs.service import RunEvent
from toolcrib.runtime.build import Hook, open_project
from toolcrib.runtime.crib import Crib


class SyncCrib:
    """`Crib` for synchronous code: each method waits for the one of the same name. Safe to use from several threads."""

    def __init__(self, crib: Crib, portal: BlockingPortal) -> None:
        self._crib = crib
        self._portal = portal

    @property
    def release(self) -> Release:
        """See `Crib.release`."""
        return self._crib.release

    def call(
        self,
        name: str,
        args: Mapping[str, Any] | None = None,
        *,
        tenant: str = "",
        timeout_s: float | None = None,
        idempotency_key: str = "",
    ) -> ToolResult:
        """See `Crib.call`."""
        given: dict[str, Any] = {"tenant": tenant, "timeout_s": timeout_s, "idempotency_key": idempotency_key}
        return self._portal.call(lambda: self._crib.call(name, args, **given))

    def call_many(self, calls: Sequence[ToolCall], *, tenant: str = "", max_concurrency: int = 16) -> list[ToolResult]:
        """See `Crib.call_many`."""
        return self._portal.call(lambda: self._crib.call_many(calls, tenant=tenant, max_concurrency=max_concurrency))

    def run(
        self, agent: str, question: Any = None, *, thread_id: str = "", tenant: str = "", resume: Any = None
    ) -> RunResult:
        """See `Crib.run`."""
        return self._portal.call(
            lambda: self._crib.run(agent, question, thread_id=thread_id, tenant=tenant, resume=resume)
        )

    def stream(
        self, agent: str, question: Any = None, *, thread_id: str = "", tenant: str = "", resume: Any = None
    ) -> Iterator[RunEvent]:
        """See `Crib.stream`."""
        events = self._crib.stream(agent, question, thread_id=thread_id, tenant=tenant, resume=resume)

        async def following() -> RunEvent | None:
            return await anext(events, None)

        while (event := self._portal.call(following)) is not None:
            yield event

    def deploy(self, directory: str | Path | None = None) -> Deployment:
        """See `Crib.deploy`."""
        return self._portal.call(lambda: self._crib.deploy(directory))

    def rollback(self, release: str | None = None) -> Deployment:
        """See `Crib.rollback`."""
        return self._portal.call(lambda: self._crib.rollback(release))

    def metrics(self) -> bytes:
        """See `Crib.metrics`."""
        return self._portal.call(self._crib.metrics)

    def invalidate_cache(self, *, tool: str = "", tenant: str = "", tag: str = "") -> int:
        """See `Crib.invalidate_cache`."""
        return self._portal.call(lambda: self._crib.invalidate_cache(tool=tool, tenant=tenant, tag=tag))

    def cache_stats(self) -> CacheStats:
        """See `Crib.cache_stats`."""
        return self._portal.call(self._crib.cache_stats)


@contextmanager
def open_sync(
    root: str | Path | None = None, *, watch: bool = False, deploy: bool = True, hooks: tuple[Hook, ...] = ()
) -> Iterator[SyncCrib]:
    """Open a project for synchronous code; see `toolcrib.open`."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(open_project(root, watch=watch, deploy=deploy, hooks=hooks)) as crib,
    ):
        yield SyncCrib(crib, portal)

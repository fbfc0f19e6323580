"""`open_sync`: the same project for synchronous callers, over one portal to one event loop in a thread of its own."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Unpack, cast

from anyio.from_thread import BlockingPortal, start_blocking_portal
from langchain_core.tools import BaseTool

from toolcrib.agents.live.middleware import LiveToolsMiddleware
from toolcrib.agents.tool_node import NodeOptions, ToolNode
from toolcrib.core.agents import StreamMode
from toolcrib.core.calls import ToolCall
from toolcrib.core.models import Tier
from toolcrib.core.releases import Acceptable, ColdChange, Deployment
from toolcrib.core.results import RunResult, ToolResult
from toolcrib.core.stores.artifacts import ArtifactPiece, ArtifactStore
from toolcrib.core.stores.history import KEPT, ErrorRecord
from toolcrib.core.stores.results import CacheStats
from toolcrib.core.tasks import Decision, TaskBatch, TaskRecord, TaskState
from toolcrib.deployment.draining.collect import Collected
from toolcrib.deployment.draining.ports import Drained, ReleaseUse
from toolcrib.execution.tasks.audience import Callback
from toolcrib.execution.tasks.service import TaskService
from toolcrib.registry.release import Release
from toolcrib.runs.ports import RunEvent
from toolcrib.runtime.build import Hook, open_project
from toolcrib.runtime.crib import Crib
from toolcrib.runtime.parts.experiments import CribExperiments
from toolcrib.runtime.wings import Closed

SyncCallback = Callable[[TaskRecord], object]


class SyncCrib:
    """`Crib` for synchronous code: each method waits for the one of the same name. Safe to use from several threads."""

    def __init__(self, crib: Crib, portal: BlockingPortal) -> None:
        self._crib = crib
        self._portal = portal

    def shut(self) -> None:
        """For `open_sync`, when the project is closed: refuse everything from now on."""
        self._crib, self._portal = cast("Crib", Closed()), cast("BlockingPortal", Closed())

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
        user: str = "",
        timeout_s: float | None = None,
        idempotency_key: str = "",
    ) -> ToolResult:
        """See `Crib.call`."""
        given: dict[str, Any] = {"tenant": tenant, "user": user}
        given |= {"timeout_s": timeout_s, "idempotency_key": idempotency_key}
        return self._portal.call(lambda: self._crib.call(name, args, **given))

    @property
    def experiments(self) -> CribExperiments:
        """See `Crib.experiments`."""
        return self._crib.experiments

    def call_many(
        self, calls: Sequence[ToolCall], *, tenant: str = "", user: str = "", max_concurrency: int = 16
    ) -> list[ToolResult]:
        """See `Crib.call_many`."""
        given: dict[str, Any] = {"tenant": tenant, "user": user, "max_concurrency": max_concurrency}
        return self._portal.call(lambda: self._crib.call_many(calls, **given))

    @property
    def artifacts(self) -> "SyncArtifacts":
        """See `Crib.artifacts`."""
        return SyncArtifacts(self._crib.artifacts, self._portal)

    @property
    def tasks(self) -> "SyncTasks":
        """See `Crib.tasks`."""
        return SyncTasks(self._crib.tasks, self._portal)

    def submit(
        self,
        tool: str,
        args: Mapping[str, Any] | None = None,
        *,
        tenant: str = "",
        priority: int = 0,
        key: str = "",
        callback: SyncCallback | None = None,
        ttl_s: float | None = None,
    ) -> str:
        """See `Crib.submit`; the callback is called in a worker thread."""
        called = _in_thread(callback)
        return self._portal.call(
            lambda: self._crib.submit(
                tool, args, tenant=tenant, priority=priority, key=key, callback=called, ttl_s=ttl_s
            )
        )

    def submit_batch(
        self,
        calls: Sequence[ToolCall],
        *,
        tenant: str = "",
        priority: int = 0,
        key: str = "",
        callback: SyncCallback | None = None,
        ttl_s: float | None = None,
        stop_on_failure: bool = False,
    ) -> TaskBatch:
        """See `Crib.submit_batch`; the callback is called in a worker thread."""
        return self._portal.call(
            lambda: self._crib.submit_batch(
                calls,
                tenant=tenant,
                priority=priority,
                key=key,
                callback=_in_thread(callback),
                ttl_s=ttl_s,
                stop_on_failure=stop_on_failure,
            )
        )

    def run(
        self,
        agent: str,
        question: Any = None,
        *,
        thread_id: str = "",
        tenant: str = "",
        user: str = "",
        resume: Any = None,
        tier: Tier | None = None,
    ) -> RunResult:
        """See `Crib.run`."""
        who = {"thread_id": thread_id, "tenant": tenant, "user": user}
        return self._portal.call(lambda: self._crib.run(agent, question, resume=resume, tier=tier, **who))

    def stream(
        self,
        agent: str,
        question: Any = None,
        *,
        thread_id: str = "",
        tenant: str = "",
        user: str = "",
        resume: Any = None,
        tier: Tier | None = None,
        modes: StreamMode | Iterable[StreamMode] = (),
    ) -> Iterator[RunEvent]:
        """See `Crib.stream`."""
        who = {"thread_id": thread_id, "tenant": tenant, "user": user}
        events = self._crib.stream(agent, question, resume=resume, tier=tier, modes=modes, **who)

        async def following() -> RunEvent | None:
            return await anext(events, None)

        while (event := self._portal.call(following)) is not None:
            yield event

    def tool_node(
        self, tools: Sequence[str | BaseTool | Callable[..., Any]] = ("*",), **options: Unpack[NodeOptions]
    ) -> ToolNode:
        """See `Crib.tool_node`; for synchronous graphs and asynchronous ones."""
        return self._crib.tool_node(tools, **options)

    def middleware(self, tools: Sequence[str] = ("*",)) -> LiveToolsMiddleware:
        """See `Crib.middleware`; for synchronous agents and asynchronous ones."""
        return self._crib.middleware(tools)

    def langchain_tools(self, *, tenant: str = "") -> list[BaseTool]:
        """See `Crib.langchain_tools`."""
        return self._crib.langchain_tools(tenant=tenant)

    def deploy(
        self,
        directory: str | Path | None = None,
        *,
        canary: float | None = None,
        tenants: Sequence[str] = (),
        activate: bool = True,
        accept: Iterable[Acceptable] = (),
        why: str = "",
    ) -> Deployment:
        """See `Crib.deploy`."""
        given: dict[str, Any] = {"canary": canary, "tenants": tenants, "activate": activate, "accept": accept}
        return self._portal.call(lambda: self._crib.deploy(directory, **given, why=why))

    def upload(
        self,
        archive: bytes,
        *,
        media_type: str = "",
        canary: float | None = None,
        tenants: Sequence[str] = (),
        activate: bool = True,
        accept: Iterable[Acceptable] = (),
        why: str = "",
    ) -> Deployment:
        """See `Crib.upload`."""
        given: dict[str, Any] = {"canary": canary, "tenants": tenants, "activate": activate, "accept": accept}
        return self._portal.call(lambda: self._crib.upload(archive, media_type=media_type, **given, why=why))

    def promote(self, *, why: str = "") -> Deployment:
        """See `Crib.promote`."""
        return self._portal.call(lambda: self._crib.promote(why=why))

    def hold(self, tenant: str, release: str | None, *, why: str = "") -> Deployment:
        """See `Crib.hold`."""
        return self._portal.call(lambda: self._crib.hold(tenant, release, why=why))

    def rollback(self, release: str | None = None, *, why: str = "") -> Deployment:
        """See `Crib.rollback`."""
        return self._portal.call(lambda: self._crib.rollback(release, why=why))

    def users(self) -> Sequence[ReleaseUse]:
        """See `Crib.users`."""
        return self._portal.call(self._crib.users)

    def drain(
        self, release: str, *, deadline_s: float = 0.0, cooperative: bool = False, hard: bool = False, why: str = ""
    ) -> Drained:
        """See `Crib.drain`."""
        given: dict[str, Any] = {"deadline_s": deadline_s, "cooperative": cooperative, "hard": hard, "why": why}
        return self._portal.call(lambda: self._crib.drain(release, **given))

    def resume_run(self, run_id: str) -> RunResult:
        """See `Crib.resume_run`."""
        return self._portal.call(self._crib.resume_run, run_id)

    def collect_releases(self, *, keep: int | None = None, dry_run: bool = True) -> Collected:
        """See `Crib.collect_releases`."""
        return self._portal.call(lambda: self._crib.collect_releases(keep=keep, dry_run=dry_run))

    @property
    def restart_needed(self) -> tuple[ColdChange, ...]:
        """See `Crib.restart_needed`."""
        return self._crib.restart_needed

    def metrics(self) -> bytes:
        """See `Crib.metrics`."""
        return self._portal.call(self._crib.metrics)

    def errors(self, tool: str, *, tenant: str | None = None, limit: int = KEPT) -> Sequence[ErrorRecord]:
        """See `Crib.errors`."""
        return self._portal.call(lambda: self._crib.errors(tool, tenant=tenant, limit=limit))

    def invalidate_cache(self, *, tool: str = "", tenant: str = "", tag: str = "") -> int:
        """See `Crib.invalidate_cache`."""
        return self._portal.call(lambda: self._crib.invalidate_cache(tool=tool, tenant=tenant, tag=tag))

    def cache_stats(self) -> CacheStats:
        """See `Crib.cache_stats`."""
        return self._portal.call(self._crib.cache_stats)


class SyncArtifacts:
    """`Crib.artifacts` for synchronous code."""

    def __init__(self, artifacts: ArtifactStore, portal: BlockingPortal) -> None:
        self._artifacts = artifacts
        self._portal = portal

    def read(self, handle: str, *, tenant: str = "", offset: int = 0, limit: int = 20_000) -> ArtifactPiece:
        """See `ArtifactStore.read`."""
        return self._portal.call(lambda: self._artifacts.read(handle, tenant=tenant, offset=offset, limit=limit))


class SyncTasks:
    """`Crib.tasks` for synchronous code."""

    def __init__(self, tasks: TaskService, portal: BlockingPortal) -> None:
        self._tasks = tasks
        self._portal = portal

    def status(self, task_id: str) -> TaskRecord:
        """See `TaskService.status`."""
        return self._portal.call(lambda: self._tasks.status(task_id))

    def list(
        self, *, state: TaskState | None = None, tenant: str | None = None, batch: str = "", limit: int = 100
    ) -> Sequence[TaskRecord]:
        """See `TaskService.list`."""
        return self._portal.call(lambda: self._tasks.list(state=state, tenant=tenant, batch=batch, limit=limit))

    def wait(self, task_id: str, *, timeout_s: float = 60.0) -> TaskRecord:
        """See `TaskService.wait`."""
        return self._portal.call(lambda: self._tasks.wait(task_id, timeout_s=timeout_s))

    def result(self, task_id: str) -> ToolResult:
        """See `TaskService.result`."""
        return self._portal.call(lambda: self._tasks.result(task_id))

    def resolve(self, task_id: str, decision: Decision, *, value: Any = None) -> TaskRecord:
        """See `TaskService.resolve`."""
        return self._portal.call(lambda: self._tasks.resolve(task_id, decision, value=value))

    def cancel(self, task_id: str) -> TaskRecord:
        """See `TaskService.cancel`."""
        return self._portal.call(lambda: self._tasks.cancel(task_id))


def _in_thread(callback: SyncCallback | None) -> Callback | None:
    """A synchronous caller's callback may block: it must not do so on the event loop."""
    if callback is None:
        return None

    async def called(record: TaskRecord) -> None:
        await asyncio.to_thread(callback, record)

    return called


@contextmanager
def open_sync(
    root: str | Path | None = None, *, watch: bool = False, deploy: bool = True, hooks: tuple[Hook, ...] = ()
) -> Iterator[SyncCrib]:
    """Open a project for synchronous code; see `toolcrib.open`."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(open_project(root, watch=watch, deploy=deploy, hooks=hooks)) as crib,
    ):
        opened = SyncCrib(crib, portal)
        try:
            yield opened
        finally:
            opened.shut()

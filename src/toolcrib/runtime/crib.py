"""`Crib`: the facade; every door (Python, CLI, HTTP) does its work through it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_core.tools import BaseTool

from toolcrib.agents.langchain_tools import as_langchain_tools
from toolcrib.agents.tool_node import ToolNode
from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.errors import NotFound, ToolcribError
from toolcrib.core.events import Event
from toolcrib.core.ports import (
    CacheStats,
    CallJournal,
    JournalEntry,
    LedgerSummary,
    ReleaseStore,
    Resources,
    ResourceStats,
    ResultCache,
    RunLedger,
    RunRecord,
    StoredRelease,
)
from toolcrib.core.reasons import Reason
from toolcrib.core.releases import Change, Deployment
from toolcrib.core.results import RunResult, ToolResult
from toolcrib.core.settings import Settings
from toolcrib.core.tasks import TaskBatch
from toolcrib.deployment.deployer import Deployer
from toolcrib.execution.executor import Executor
from toolcrib.execution.tasks.audience import Callback
from toolcrib.execution.tasks.service import TaskService
from toolcrib.observability.exposition import Exposition
from toolcrib.observability.hub import EventHub
from toolcrib.registry.registry import Registry
from toolcrib.registry.release import Release
from toolcrib.runs.service import RunEvent, RunRequest, RunService


@dataclass(frozen=True, slots=True, kw_only=True)
class Wings:
    """The parts of an open project that the facade leads to."""

    root: Path
    settings: Settings
    registry: Registry
    executor: Executor
    runs: RunService
    tasks: TaskService
    deployer: Deployer
    store: ReleaseStore
    ledger: RunLedger
    cache: ResultCache
    journal: CallJournal
    resources: Resources
    hub: EventHub
    exposition: Exposition


class Crib:
    """An open project: call its tools, run its agents, deploy to it while it serves.

    Made by `toolcrib.open`; all methods belong to the event loop it was opened on.
    """

    def __init__(self, wings: Wings) -> None:
        self.root = wings.root
        self.settings = wings.settings
        self._wings = wings

    @property
    def release(self) -> Release:
        """The release that serves now: `id`, `tools`, `agents`, `prompts`.

        Raises:
            ReleaseNotFound: nothing was ever activated.
        """
        return self._wings.registry.current.release

    @property
    def generation(self) -> int:
        """Grows by one with every activation; 0 before the first."""
        return self._wings.registry.generation

    async def call(
        self,
        name: str,
        args: Mapping[str, Any] | None = None,
        *,
        tenant: str = "",
        timeout_s: float | None = None,
        idempotency_key: str = "",
    ) -> ToolResult:
        """Call one tool of the current release.

        Args:
            name: name of the tool.
            args: argument name -> JSON value.
            tenant: on whose behalf.
            timeout_s: seconds for this call, below the tool's own limit.
            idempotency_key: of all calls of a tool that changes something with the same key, one runs, also over a
                crash; the others get its result (`journaled`).

        Returns:
            The result; failures are in it, never raised.
        """
        with self._wings.registry.lease(holder="call") as release:
            call = ToolCall(name=name, args=args or {}, idempotency_key=idempotency_key)
            context = CallContext(tenant=tenant, timeout_s=timeout_s)
            return await self._wings.executor.call(release, call, context)

    async def call_many(
        self, calls: Sequence[ToolCall], *, tenant: str = "", max_concurrency: int = 16
    ) -> list[ToolResult]:
        """Call several tools of one release, at most `max_concurrency` at a time; results in call order."""
        with self._wings.registry.lease(holder="batch") as release:
            context = CallContext(tenant=tenant)
            return await self._wings.executor.call_many(release, calls, context, max_concurrency=max_concurrency)

    async def as_completed(
        self, calls: Sequence[ToolCall], *, tenant: str = "", max_concurrency: int = 16
    ) -> AsyncIterator[tuple[int, ToolResult]]:
        """Like `call_many`, but each result comes when it is there: `(index of its call, result)`."""
        with self._wings.registry.lease(holder="batch") as release:
            context = CallContext(tenant=tenant)
            executor = self._wings.executor
            async with aclosing(
                executor.as_completed(release, calls, context, max_concurrency=max_concurrency)
            ) as finished:
                async for one in finished:
                    yield one

    async def calls_in_doubt(self) -> Sequence[JournalEntry]:
        """Calls with an idempotency key that began and have no result: they run now, or their process died."""
        return await self._wings.journal.in_doubt()

    async def settle_call(self, key: str, *, value: Any = None, repeat: bool = False) -> None:
        """Settle a call in doubt, after you looked whether it took effect.

        Args:
            key: the entry's key.
            value: what the call should have returned; the same call gets it from now on.
            repeat: let the same call run again instead.

        Raises:
            NotFound: no call with this key is in doubt.
        """
        entry = next((one for one in await self._wings.journal.in_doubt(limit=10_000) if one.key == key), None)
        if entry is None:
            raise NotFound(f"No call with key {key!r} is in doubt.", hint="`calls_in_doubt()` lists those that are.")
        if repeat:
            await self._wings.journal.forget(key)
        else:
            await self._wings.journal.finish(
                key, ToolResult(ok=True, value=value, tool=entry.tool, release=entry.release)
            )

    @property
    def tasks(self) -> TaskService:
        """The background tasks: `status`, `list`, `wait`, `result`, `cancel`."""
        return self._wings.tasks

    async def submit(
        self,
        tool: str,
        args: Mapping[str, Any] | None = None,
        *,
        tenant: str = "",
        priority: int = 0,
        key: str = "",
        callback: Callback | None = None,
        ttl_s: float | None = None,
    ) -> str:
        """Call a tool in the background; the task's id. Arguments and errors: `TaskService.submit`."""
        return await self._wings.tasks.submit(
            tool, args, tenant=tenant, priority=priority, key=key, callback=callback, ttl_s=ttl_s
        )

    async def submit_batch(
        self,
        calls: Sequence[ToolCall],
        *,
        tenant: str = "",
        priority: int = 0,
        key: str = "",
        callback: Callback | None = None,
        ttl_s: float | None = None,
        stop_on_failure: bool = False,
    ) -> TaskBatch:
        """Call many tools in the background, all or none. Arguments and errors: `TaskService.submit_batch`."""
        return await self._wings.tasks.submit_batch(
            calls,
            tenant=tenant,
            priority=priority,
            key=key,
            callback=callback,
            ttl_s=ttl_s,
            stop_on_failure=stop_on_failure,
        )

    async def run(
        self, agent: str, question: Any = None, *, thread_id: str = "", tenant: str = "", resume: Any = None
    ) -> RunResult:
        """Run an agent to its answer.

        Args:
            agent: name of the agent.
            question: text, a list of messages, or the input state of a graph.
            thread_id: continue this conversation; a new one is made when empty.
            tenant: on whose behalf; part of the thread's identity.
            resume: the human's answer for a run that waits on this thread; continues on that run's release.

        Raises:
            AgentNotFound: the release has no such agent.
            ThreadBusy: the thread has a run in flight.
        """
        request = RunRequest(agent=agent, question=question, thread_id=thread_id, tenant=tenant, resume=resume)
        return await self._wings.runs.run(request)

    def stream(
        self, agent: str, question: Any = None, *, thread_id: str = "", tenant: str = "", resume: Any = None
    ) -> AsyncIterator[RunEvent]:
        """Run an agent and see it work: `run.started`, `message`, `tool.started`, `tool.finished`, … `run.finished`.

        The last event's data is the `RunResult` as a mapping. Same arguments and errors as `run`.
        """
        request = RunRequest(agent=agent, question=question, thread_id=thread_id, tenant=tenant, resume=resume)
        return self._wings.runs.stream(request)

    async def deploy(self, directory: str | Path | None = None, *, actor: str = "python") -> Deployment:
        """Verify a directory (default: the project) and, if it passes, let it serve from the next run on.

        Returns:
            The deployment; a rejected one carries all its reasons and has changed nothing.
        """
        return await self._wings.deployer.deploy(Path(directory) if directory else self.root, actor=actor)

    async def verify(self, directory: str | Path | None = None) -> tuple[Reason, ...]:
        """The gate without activation: every reason why the directory would be rejected, none when it would pass."""
        return await self._wings.deployer.verify(Path(directory) if directory else self.root)

    async def rollback(self, release: str | None = None, *, actor: str = "python") -> Deployment:
        """Serve an older release again, by id, or the one that served before.

        Raises:
            ReleaseNotFound: there is no such release, or none before.
        """
        return await self._wings.deployer.rollback(release, actor=actor)

    async def activate(self, release: str, *, actor: str = "python") -> Deployment:
        """Serve the stored release with this id; what `rollback(id)` does, for doors that name it so."""
        return await self._wings.deployer.rollback(release, actor=actor)

    async def releases(self) -> Sequence[StoredRelease]:
        """All releases in the store, the newest first, with their states."""
        return await self._wings.store.releases()

    async def history(self, limit: int = 50) -> Sequence[Deployment]:
        """Past deployments, the newest first."""
        return await self._wings.store.history(limit)

    async def diff(self, older: str | None = None, newer: str | None = None) -> tuple[Change, ...]:
        """What differs between two releases, by id; default: between the former and the current one."""
        return await self._wings.deployer.diff(older, newer)

    async def ledger(self) -> LedgerSummary:
        """Counts over all runs this project ever accepted."""
        return await self._wings.ledger.summary()

    async def recent_runs(self, limit: int = 100) -> Sequence[RunRecord]:
        """Runs in the ledger, the newest first."""
        return await self._wings.ledger.runs(limit)

    async def invalidate_cache(self, *, tool: str = "", tenant: str = "", tag: str = "") -> int:
        """Throw kept results away: those of a tool, of a tenant, with a tag, or what fits all that is given.

        Without any, all of them. Results of calls under way are not kept either.

        Returns:
            How many results went.
        """
        return await self._wings.cache.invalidate(tool=tool, tenant=tenant, tag=tag)

    def cache_stats(self) -> CacheStats:
        """What the result cache did since the project was opened, and what it holds."""
        return self._wings.cache.stats()

    def census(self) -> Mapping[str, Mapping[str, int]]:
        """Who uses which release in memory: release id -> holder kind (`run`, `call`, …) -> leases."""
        return self._wings.registry.census()

    async def metrics(self) -> bytes:
        """All metrics in Prometheus' text format, UTF-8: what the server answers to `GET /metrics`."""
        return await self._wings.exposition.text()

    def resources(self) -> Mapping[str, ResourceStats]:
        """How each resource that tools share does, by name: open, in use, waiting; opened and failed so far."""
        return self._wings.resources.snapshot()

    def events(self) -> AsyncIterator[Event]:
        """Everything that happens from now on. Who falls behind loses the oldest events and slows no call."""
        return self._wings.hub.subscribe()

    def tool_node(self, tools: Sequence[str] = ("*",)) -> ToolNode:
        """A LangGraph tool node with live tools; one run of the graph sees one release."""
        return ToolNode(tools, source=self._wings.runs)

    def langchain_tools(self) -> list[BaseTool]:
        """The current release's tools as LangChain tools, live: a call goes to the release that serves then."""
        return as_langchain_tools([tool.spec for tool in self.release.tools.values()], self.call)

    @property
    def problem(self) -> ToolcribError | None:
        """Why the newest tree is not what serves (its rejection), or None when all is well."""
        return self._wings.deployer.problem

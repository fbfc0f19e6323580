"""`Crib`: the facade; every door (Python, CLI, HTTP) does its work through it."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, Unpack

from langchain_core.tools import BaseTool

from toolcrib.agents.langchain_tools import as_langchain_tools
from toolcrib.agents.live.middleware import LiveToolsMiddleware
from toolcrib.agents.tool_node import NodeOptions, ToolNode
from toolcrib.core.agents import StreamMode
from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.errors import NotFound, ToolNotFound
from toolcrib.core.events import Event
from toolcrib.core.models import Tier
from toolcrib.core.money import BudgetStatus
from toolcrib.core.ports import JournalEntry, ResourceStats
from toolcrib.core.results import RunResult, ToolResult
from toolcrib.core.stores.artifacts import ArtifactStore
from toolcrib.core.stores.history import KEPT, ErrorRecord
from toolcrib.core.stores.ledger import LedgerSummary, RunRecord
from toolcrib.core.stores.results import CacheStats
from toolcrib.core.tasks import TaskBatch
from toolcrib.core.tools import ToolSpec
from toolcrib.execution.state.escalation import Episode
from toolcrib.execution.tasks.audience import Callback
from toolcrib.execution.tasks.service import TaskService
from toolcrib.registry.release import Release
from toolcrib.runs.guests import GuestRuns
from toolcrib.runs.ports import RunEvent, RunRequest
from toolcrib.runtime.ending import Ending
from toolcrib.runtime.parts.experiments import CribExperiments
from toolcrib.runtime.releases import CribReleases
from toolcrib.runtime.threads import CribThreads

MOST_OPEN = 1_000
"""Calls without a result that are looked at at once."""


class Crib(CribReleases):
    """An open project: call its tools, run its agents, deploy to it while it serves.

    Made by `toolcrib.open`; all methods belong to the event loop it was opened on.

    Attributes:
        root: the project's directory.
        settings: its `toolcrib.yaml`.
        secrets: the secret values that are known; `handler.addFilter(crib.secrets.log_filter)` keeps them out of a log.
    """

    @property
    def release(self) -> Release:
        """The release that serves now: `id`, `tools`, `agents`, `prompts`; `tools_of(tenant)`, `agents_of(tenant)`.

        Raises:
            ReleaseNotFound: nothing was ever activated.
        """
        return self._wings.registry.current.release

    def tool_spec(
        self, name: str, *, agent: str = "", tenant: str = "", user: str = "", thread_id: str = ""
    ) -> ToolSpec:
        """A tool of the current release, as calls of this agent, tenant, user and thread find it; empty for all.

        Its `sources` and `overruled` tell where each value of its policy comes from, `replaces` what it stands in for.

        Raises:
            ToolNotFound, AgentNotFound: with near names; or with the place that takes it away.
        """
        release = self.release
        if agent:
            release.agent(agent, tenant=tenant)
        arms = release.arms(tenant=tenant, user=user, thread=thread_id)
        try:
            return release.tool(name, agent=agent, tenant=tenant, arms=arms).spec
        except ToolNotFound as error:
            if place := release.why_missing(name, agent=agent, tenant=tenant):
                error.hint = f"It is taken away by {place}."
            raise

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
        user: str = "",
        timeout_s: float | None = None,
        idempotency_key: str = "",
    ) -> ToolResult:
        """Call one tool of the current release.

        Args:
            name: name of the tool.
            args: argument name -> JSON value.
            tenant: on whose behalf.
            user: the same within the tenant; decides in experiments that go by user.
            timeout_s: seconds for this call, below the tool's own limit.
            idempotency_key: of all calls of a tool that changes something with the same key, one runs, also over a
                crash; the others get its result (`journaled`).

        Returns:
            The result; failures are in it, never raised. One that asks for a person (`on_error: manual`) waits as the
            task `result.error.task`; see `TaskService.resolve`.
        """
        with self._wings.registry.lease(holder="call", tenant=tenant, key=idempotency_key) as release:
            call = ToolCall(name=name, args=args or {}, idempotency_key=idempotency_key)
            arms = release.arms(tenant=tenant, user=user) if release.experiments else ()
            context = CallContext(tenant=tenant, arms=arms, timeout_s=timeout_s)
            return await self._settled(release, call, context, await self._wings.executor.call(release, call, context))

    async def call_many(
        self, calls: Sequence[ToolCall], *, tenant: str = "", user: str = "", max_concurrency: int = 16
    ) -> list[ToolResult]:
        """Call several tools of one release, at most `max_concurrency` at a time; results in call order."""
        with self._wings.registry.lease(holder="batch", tenant=tenant) as release:
            context = CallContext(tenant=tenant, arms=release.arms(tenant=tenant, user=user))
            results = await self._wings.executor.call_many(release, calls, context, max_concurrency=max_concurrency)
            pairs = zip(calls, results, strict=True)
            return [await self._settled(release, call, context, result) for call, result in pairs]

    async def as_completed(
        self, calls: Sequence[ToolCall], *, tenant: str = "", user: str = "", max_concurrency: int = 16
    ) -> AsyncIterator[tuple[int, ToolResult]]:
        """Like `call_many`, but each result comes when it is there: `(index of its call, result)`."""
        with self._wings.registry.lease(holder="batch", tenant=tenant) as release:
            context = CallContext(tenant=tenant, arms=release.arms(tenant=tenant, user=user))
            executor = self._wings.executor
            async with aclosing(
                executor.as_completed(release, calls, context, max_concurrency=max_concurrency)
            ) as finished:
                async for index, result in finished:
                    yield index, await self._settled(release, calls[index], context, result)

    @property
    def experiments(self) -> CribExperiments:
        """The experiments of the current release: `list`, `show`, `explain`."""
        return CribExperiments(release=self.release, tallies=self._wings.tallies)

    async def calls_in_doubt(self) -> Sequence[JournalEntry]:
        """Calls with an idempotency key that began and will never have a result: cancelled, or their process died."""
        return [entry for entry in await self._wings.journal.in_doubt(MOST_OPEN) if self._is_over(entry)]

    async def settle_call(self, key: str, *, value: Any = None, repeat: bool = False) -> None:
        """Settle a call in doubt, after you looked whether it took effect.

        Args:
            key: the entry's key.
            value: what the call should have returned; the same call gets it from now on.
            repeat: let the same call run again instead.

        Raises:
            NotFound: no call with this key is in doubt; it may still run.
        """
        entry = await self._wings.journal.find(key)
        if entry is None or entry.result is not None or not self._is_over(entry):
            raise NotFound(f"No call with key {key!r} is in doubt.", hint="`calls_in_doubt()` lists those that are.")
        if repeat:
            await self._wings.journal.forget(key)
        else:
            await self._wings.journal.finish(
                key, ToolResult(ok=True, value=value, tool=entry.tool, release=entry.release)
            )

    @property
    def artifacts(self) -> ArtifactStore:
        """The results that were too long, kept whole: `read(handle, tenant=…, offset=…, limit=…)`."""
        return self._wings.artifacts

    @property
    def tasks(self) -> TaskService:
        """The background tasks: `status`, `list`, `wait`, `result`, `resolve`, `cancel`."""
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
        """Run an agent to its answer.

        Args:
            agent: name of the agent.
            question: text, a list of messages, or the input state of a graph.
            thread_id: continue this conversation; a new one is made when empty.
            tenant: on whose behalf; part of the thread's identity.
            user: the same within the tenant; decides in experiments that go by user.
            resume: the human's answer for a run that waits on this thread; continues on that run's release.
            tier: which of the agent's models to ask: `simple`, `medium` or `complex`; by default its `route` decides.

        Raises:
            AgentNotFound: the release has no such agent.
            InputInvalid: its graph cannot take the question, or it has no such tier.
            ThreadBusy: the thread has a run in flight, or waits for an answer.
        """
        who: Mapping[str, Any] = {"thread_id": thread_id, "tenant": tenant, "user": user}
        request = RunRequest(agent=agent, question=question, resume=resume, tier=tier, **who)
        return await self._wings.runs.run(request)

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
    ) -> AsyncIterator[RunEvent]:
        """Run an agent and see it work: `run.started`, `message`, `tool.started`, `tool.finished`, … `run.finished`.

        The last event's data is the `RunResult` as a mapping. Same other arguments and errors as `run`.

        Args:
            modes: also tell LangGraph's `values`, `updates`, `tasks`, `checkpoints`, `debug`, as events of these names.
        """
        who: Mapping[str, Any] = {"thread_id": thread_id, "tenant": tenant, "user": user}
        also = frozenset([modes] if isinstance(modes, str) else modes)
        request = RunRequest(agent=agent, question=question, resume=resume, tier=tier, modes=also, **who)
        return self._wings.runs.stream(request)

    @property
    def ending(self) -> Ending:
        """For whoever ends the process: `finish`, `suspend`, `cut`, before the project is closed."""
        return Ending(runs=self._wings.runs, tasks=self._wings.tasks)

    async def resume_run(self, run_id: str) -> RunResult:
        """Let a run that was stopped (`drained`, `suspended`) go on to its end, on its own release.

        Raises:
            NotFound: there is no such run.
            Conflict: it is not stopped.
            ResumeRefused: its release is not to be had; the run stays as it is.
        """
        return await self._wings.runs.resume(run_id)

    async def ledger(self) -> LedgerSummary:
        """Counts over all runs this project ever accepted."""
        return await self._wings.ledger.summary()

    async def budgets(self, *, scope: str = "", tenant: str | None = None, limit: int = 100) -> Sequence[BudgetStatus]:
        """The accounts of budgets whose period goes on, with the limits of the release that serves.

        Args:
            scope: only `run`, `thread`, `tenant` or `agent`; those of runs are told only when asked for.
            tenant: only those of this tenant.
            limit: at most so many.
        """
        return await self._wings.accounts.status(self.release.spending, scope=scope, tenant=tenant, limit=limit)

    async def recent_runs(self, limit: int = 100) -> Sequence[RunRecord]:
        """Runs in the ledger, the newest first."""
        return await self._wings.ledger.runs(limit)

    @property
    def threads(self) -> CribThreads:
        """The threads of agents: `list`, `move`, `migrate`."""
        return CribThreads(store=self._wings.store, ledger=self._wings.ledger, runs=self._wings.runs)

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

    async def errors(self, tool: str, *, tenant: str | None = None, limit: int = KEPT) -> Sequence[ErrorRecord]:
        """The last errors of a tool's calls, the newest first: of one tenant, or of all.

        They are kept over restarts, 50 for each tenant. Of other processes that have the project open those of the last
        two seconds may be missing.

        Raises:
            ToolNotFound: the current release has no such tool, and none of this name failed before.
        """
        found = await self._wings.history.newest(tool, tenant=tenant, limit=limit)
        if not found:
            self.release.tool(tool, tenant=tenant or "")
        return found

    def escalations(self, tool: str, *, tenant: str | None = None) -> Sequence[Episode]:
        """For which tenants the tool fails too often in this process at present; see its policy `escalate`."""
        return self._wings.escalations.episodes(tool, self._wings.clock.monotonic(), tenant=tenant)

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

    def tool_node(
        self, tools: Sequence[str | BaseTool | Callable[..., Any]] = ("*",), **options: Unpack[NodeOptions]
    ) -> ToolNode:
        """A LangGraph tool node with live tools; one run of the graph sees one release. Options: see `ToolNode`.

        Where several serve, `thread_id` and `tenant` in the run's `configurable` decide; in experiments its `user` too.
        """
        return ToolNode(tools, source=self._wings.runs.foreign, **options)

    def middleware(self, tools: Sequence[str] = ("*",)) -> LiveToolsMiddleware:
        """Live tools for LangChain's `create_agent`: offered to its model and run, one run of it on one release.

        Args:
            tools: names or patterns of the tools to offer.
        """
        return LiveToolsMiddleware(tools, source=self._wings.runs.foreign)

    def langchain_tools(self, *, tenant: str = "") -> list[BaseTool]:
        """The current release's tools, as this tenant sees them, as LangChain tools.

        They are live: a call goes to the release that serves then.

        In a LangGraph run all calls go to one release, as with `tool_node`.
        """
        tools = [tool.spec for tool in self.release.tools_of(tenant).values()]
        return as_langchain_tools(tools, partial(self.call, tenant=tenant), source=self._wings.runs.foreign)

    def _is_over(self, entry: JournalEntry) -> bool:
        """Whether nobody waits for the call's end any more."""
        return not entry.process or self._wings.has_ended(entry.process)

    @property
    def guests(self) -> GuestRuns:
        """For other servers, which run our agents' graphs themselves; see `toolcrib.graph_factory`."""
        return self._wings.runs.guests

    async def _settled(self, release: Release, call: ToolCall, context: CallContext, result: ToolResult) -> ToolResult:
        """The result of a direct call: a failure that asks for a person waits for one, as a task."""
        return result if result.ok else await self._wings.tasks.park(release, call, context, result)

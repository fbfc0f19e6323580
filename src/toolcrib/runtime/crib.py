"""`Crib`: the facade; every door (Python, CLI, HTTP) does its work through it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from langchain_core.tools import BaseTool

from toolcrib.agents.langchain_tools import as_langchain_tools
from toolcrib.agents.tool_node import ToolNode
from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.errors import ToolcribError
from toolcrib.core.events import Event
from toolcrib.core.ports import (
    LedgerSummary,
    ReleaseStore,
    Resources,
    ResourceStats,
    RunLedger,
    RunRecord,
    StoredRelease,
)
from toolcrib.core.reasons import Reason
from toolcrib.core.releases import Change, Deployment
from toolcrib.core.results import RunResult, ToolResult
from toolcrib.core.settings import Settings
from toolcrib.deployment.deployer import Deployer
from toolcrib.execution.executor import Executor
from toolcrib.observability.hub import EventHub
from toolcrib.registry.registry import Registry
from toolcrib.registry.release import Release
from toolcrib.runs.service import RunEvent, RunRequest, RunService


class Crib:
    """An open project: call its tools, run its agents, deploy to it while it serves.

    Made by `toolcrib.open`; all methods belong to the event loop it was opened on.
    """

    def __init__(
        self,
        *,
        root: Path,
        settings: Settings,
        registry: Registry,
        executor: Executor,
        runs: RunService,
        deployer: Deployer,
        store: ReleaseStore,
        ledger: RunLedger,
        hub: EventHub,
        resources: Resources,
    ) -> None:
        self.root = root
        self.settings = settings
        self._registry = registry
        self._executor = executor
        self._runs = runs
        self._deployer = deployer
        self._store = store
        self._ledger = ledger
        self._hub = hub
        self._resources = resources

    @property
    def release(self) -> Release:
        """The release that serves now: `id`, `tools`, `agents`, `prompts`.

        Raises:
            ReleaseNotFound: nothing was ever activated.
        """
        return self._registry.current.release

    @property
    def generation(self) -> int:
        """Grows by one with every activation; 0 before the first."""
        return self._registry.generation

    async def call(
        self, name: str, args: Mapping[str, Any] | None = None, *, tenant: str = "", timeout_s: float | None = None
    ) -> ToolResult:
        """Call one tool of the current release.

        Args:
            name: name of the tool.
            args: argument name -> JSON value.
            tenant: on whose behalf.
            timeout_s: seconds for this call, below the tool's own limit.

        Returns:
            The result; failures are in it, never raised.
        """
        with self._registry.lease(holder="call") as release:
            context = CallContext(tenant=tenant, timeout_s=timeout_s)
            return await self._executor.call(release, ToolCall(name=name, args=args or {}), context)

    async def call_many(
        self, calls: Sequence[ToolCall], *, tenant: str = "", max_concurrency: int = 16
    ) -> list[ToolResult]:
        """Call several tools of one release, at most `max_concurrency` at a time; results in call order."""
        with self._registry.lease(holder="batch") as release:
            context = CallContext(tenant=tenant)
            return await self._executor.call_many(release, calls, context, max_concurrency=max_concurrency)

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
        return await self._runs.run(request)

    def stream(
        self, agent: str, question: Any = None, *, thread_id: str = "", tenant: str = "", resume: Any = None
    ) -> AsyncIterator[RunEvent]:
        """Run an agent and see it work: `run.started`, `message`, `tool.started`, `tool.finished`, … `run.finished`.

        The last event's data is the `RunResult` as a mapping. Same arguments and errors as `run`.
        """
        request = RunRequest(agent=agent, question=question, thread_id=thread_id, tenant=tenant, resume=resume)
        return self._runs.stream(request)

    async def deploy(self, directory: str | Path | None = None, *, actor: str = "python") -> Deployment:
        """Verify a directory (default: the project) and, if it passes, let it serve from the next run on.

        Returns:
            The deployment; a rejected one carries all its reasons and has changed nothing.
        """
        return await self._deployer.deploy(Path(directory) if directory else self.root, actor=actor)

    async def verify(self, directory: str | Path | None = None) -> tuple[Reason, ...]:
        """The gate without activation: every reason why the directory would be rejected, none when it would pass."""
        return await self._deployer.verify(Path(directory) if directory else self.root)

    async def rollback(self, release: str | None = None, *, actor: str = "python") -> Deployment:
        """Serve an older release again, by id, or the one that served before.

        Raises:
            ReleaseNotFound: there is no such release, or none before.
        """
        return await self._deployer.rollback(release, actor=actor)

    async def activate(self, release: str, *, actor: str = "python") -> Deployment:
        """Serve the stored release with this id; what `rollback(id)` does, for doors that name it so."""
        return await self._deployer.rollback(release, actor=actor)

    async def releases(self) -> Sequence[StoredRelease]:
        """All releases in the store, the newest first, with their states."""
        return await self._store.releases()

    async def history(self, limit: int = 50) -> Sequence[Deployment]:
        """Past deployments, the newest first."""
        return await self._store.history(limit)

    async def diff(self, older: str | None = None, newer: str | None = None) -> tuple[Change, ...]:
        """What differs between two releases, by id; default: between the former and the current one."""
        return await self._deployer.diff(older, newer)

    async def ledger(self) -> LedgerSummary:
        """Counts over all runs this project ever accepted."""
        return await self._ledger.summary()

    async def recent_runs(self, limit: int = 100) -> Sequence[RunRecord]:
        """Runs in the ledger, the newest first."""
        return await self._ledger.runs(limit)

    def census(self) -> Mapping[str, Mapping[str, int]]:
        """Who uses which release in memory: release id -> holder kind (`run`, `call`, …) -> leases."""
        return self._registry.census()

    def resources(self) -> Mapping[str, ResourceStats]:
        """How each resource that tools share does, by name: open, in use, waiting; opened and failed so far."""
        return self._resources.snapshot()

    def events(self) -> AsyncIterator[Event]:
        """Everything that happens from now on. Who falls behind loses the oldest events and slows no call."""
        return self._hub.subscribe()

    def tool_node(self, tools: Sequence[str] = ("*",)) -> ToolNode:
        """A LangGraph tool node with live tools; one run of the graph sees one release."""
        return ToolNode(tools, source=self._runs)

    def langchain_tools(self) -> list[BaseTool]:
        """The current release's tools as LangChain tools, live: a call goes to the release that serves then."""
        return as_langchain_tools([tool.spec for tool in self.release.tools.values()], self.call)

    @property
    def problem(self) -> ToolcribError | None:
        """Why the newest tree is not what serves (its rejection), or None when all is well."""
        return self._deployer.problem

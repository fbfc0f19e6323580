"""Runs of our agents that another server drives: it has the threads and their state, we have the releases."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from toolcrib.agents.live.guest import GuestWatch, ModelsElsewhere, TillElsewhere, guest_graph
from toolcrib.agents.live.meter import Meter, meters
from toolcrib.agents.money.purse import Purse
from toolcrib.agents.scope import RunScope
from toolcrib.core.agents import Agent
from toolcrib.core.errors import RunFailed
from toolcrib.core.events import RunFinished
from toolcrib.core.results import ErrorInfo, RunResult
from toolcrib.core.stores.ledger import RunRecord
from toolcrib.runs.active import CANCELLED, STEPS, Total, total
from toolcrib.runs.ports import RunPorts, RunRequest
from toolcrib.runs.threads import Threads


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestRun:
    """One run, or one look at a graph, of another server.

    Attributes:
        graph: what it runs.
        record: what will stand in the ledger, if it runs it.
    """

    graph: Any
    agent: Agent
    purse: Purse
    record: RunRecord
    watch: GuestWatch
    paying: Sequence[Meter]
    leases: ExitStack
    began: float
    steps: list[Mapping[str, Any]] = field(default_factory=list)

    def total(self) -> Total:
        """What its models came to."""
        return total(self.purse, self.record, self.agent)


class GuestRuns:
    """Gives graphs to another server, each pinned to the release that its thread's policy asks for."""

    def __init__(self, ports: RunPorts, threads: Threads) -> None:
        self._ports = ports
        self._threads = threads

    async def begin(self, agent: str, *, thread_id: str = "", tenant: str = "", user: str = "") -> GuestRun:
        """The agent's graph, whose release is leased until `end`.

        Raises:
            AgentNotFound: the release has no such agent.
            ResumeRefused: the thread holds on to a release that is not to be had.
        """
        leases = ExitStack()
        with leases:
            request = RunRequest(agent=agent, thread_id=thread_id, tenant=tenant, user=user)
            release = await self._threads.pin_guest(request, leases)
            user = await self._threads.user(request)
            arms = release.arms(tenant=tenant, user=user, thread=thread_id)
            found = release.agent(agent, tenant=tenant, arms=arms)
            record = RunRecord(
                run_id=self._ports.ids.new(),
                thread_id=thread_id,
                tenant=tenant,
                agent=agent,
                release=release.digest,
                started_at=self._ports.clock.now(),
                revision=found.revision,
                releases_seen=(found.release,),
                user=user,
                variants=release.concerning(arms, agent=found.name, tools=found.tools),
            )
            steps: list[Mapping[str, Any]] = []
            loop, watch = asyncio.get_running_loop(), GuestWatch()
            purse = self._ports.accounts.purse(record, found, release, through=partial(TillElsewhere, loop=loop))
            scope = replace(self._scope(found, record, steps, release), purse=purse)
            paying = meters(found, scope)
            return GuestRun(
                graph=guest_graph(found, scope, [watch, *paying]),
                agent=found,
                purse=purse,
                record=record,
                watch=watch,
                paying=paying,
                leases=leases.pop_all(),
                began=self._ports.clock.monotonic(),
                steps=steps,
            )

    async def end(self, run: GuestRun, failure: BaseException | None = None) -> None:
        """The other server is done: let go of the release, and write down what it ran.

        Args:
            run: the run.
            failure: what it ended with for the server; also without one the graph may have failed.
        """
        try:
            for meter in run.paying:
                await meter.close()
            if run.watch.began:
                await self._written(run, failure or run.watch.failure)
        finally:
            run.leases.close()

    async def _written(self, run: GuestRun, failure: BaseException | None) -> None:
        error, status, said = None, "interrupted" if run.watch.waits else "success", ""
        if isinstance(failure, asyncio.CancelledError):
            error, status = CANCELLED, "cancelled"
        elif failure is not None:
            error, status = ErrorInfo.of(RunFailed(f"The run ended with {type(failure).__name__}.")), "error"
            said = f"{error.code}: {error.message}"
        if run.record.thread_id:
            now = self._ports.clock.now()
            record = replace(run.record, status=status, error=said, finished_at=now, **run.total())
            await self._ports.ledger.accept(record)
        result, who = self._result(run, error), run.record
        self._ports.events.emit(RunFinished(result=result, agent=who.agent, tenant=who.tenant))

    def _result(self, run: GuestRun, error: ErrorInfo | None) -> RunResult:
        """What listeners hear; what the other server was told in the end is its own affair."""
        return RunResult(
            output=None,
            success=error is None,
            error=error,
            execution_time_s=self._ports.clock.monotonic() - run.began,
            iterations=sum(step["kind"] == "model" for step in run.steps),
            **run.total(),
            release=run.record.releases_seen[0],
            thread_id=run.record.thread_id,
            run_id=run.record.run_id,
            variants=run.record.variants,
        )

    def _scope(self, agent: Agent, record: RunRecord, steps: list[Mapping[str, Any]], release: Any) -> RunScope:
        """What the graph's nodes know of the run."""

        def notify(event: str, data: Mapping[str, Any]) -> None:
            if event in STEPS:
                steps.append({"kind": event.partition(".")[0], **data})

        ports, loop, limits = self._ports, asyncio.get_running_loop(), agent.spec.limits
        return RunScope(
            release=release,
            calls=ports.calls,
            models=ModelsElsewhere(ports.models, loop),
            clock=ports.clock,
            random=ports.random,
            tools=agent.tools,
            run_id=record.run_id,
            thread_id=record.thread_id,
            agent=record.agent,
            tenant=record.tenant,
            arms=record.variants,
            deadline=ports.clock.monotonic() + limits.run_timeout_s,
            tool_timeout_s=limits.tool_timeout_s,
            loops=limits.loops,
            notify=notify,
            emit=ports.events.emit,
            loop=loop,
        )

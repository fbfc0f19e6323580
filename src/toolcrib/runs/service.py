"""`RunService`: one agent turn from acceptance to its end, on one release."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from toolcrib.agents.models import Models
from toolcrib.agents.running import Outcome, Turn, run_control, take_turn
from toolcrib.agents.scope import Calls, RunScope
from toolcrib.core.agents import Agent
from toolcrib.core.errors import (
    Conflict,
    ResumeRefused,
    RunFailed,
    RunTimeout,
    ThreadBusy,
    ToolcribError,
)
from toolcrib.core.events import RunFinished, RunStarted
from toolcrib.core.ports import Clock, EventSink, IdFactory, RunLedger, RunRecord
from toolcrib.core.results import ErrorInfo, RunResult, jsonable
from toolcrib.registry.registry import Registry
from toolcrib.registry.release import Release
from toolcrib.runs.foreign import ForeignRuns

log = logging.getLogger(__name__)
Notify = Callable[[str, Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What a caller asks for; see `Crib.run`."""

    agent: str
    question: Any = None
    thread_id: str = ""
    tenant: str = ""
    resume: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    """Something a run did: `event` names it, `data` is JSON-ready."""

    event: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPorts:
    """What the service needs of the world; `load` brings a stored release into memory by its digest."""

    registry: Registry
    calls: Calls
    models: Models
    ledger: RunLedger
    clock: Clock
    ids: IdFactory
    events: EventSink
    load: Callable[[str], Awaitable[Release]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One accepted run."""

    record: RunRecord
    agent: Agent
    release: Release
    request: RunRequest
    began: float
    notify: Notify
    steps: list[Mapping[str, Any]] = field(default_factory=list)


class RunService:
    """Runs agents. A run takes its release when it is accepted and keeps it, also over an interrupt and a restart."""

    def __init__(self, ports: RunPorts, *, concurrency: int) -> None:
        self._ports = ports
        self._slots = asyncio.Semaphore(concurrency)
        self._busy: set[tuple[str, str]] = set()
        self._streams: set[asyncio.Task[None]] = set()
        self._foreign = ForeignRuns()

    async def run(self, request: RunRequest) -> RunResult:
        """Run to the end. Cancelling the caller cancels the run.

        Raises:
            AgentNotFound: the release has no such agent.
            ThreadBusy: the thread has a run in flight, or waits for a human.
            ResumeRefused: an answer was given, but nothing waits for one.
        """
        return await self._run(request, lambda event, data: None, streaming=False)

    async def stream(self, request: RunRequest) -> AsyncIterator[RunEvent]:
        """Run and tell each step; the last event is `run.finished`. Leaving the iterator does not stop the run."""
        queue: asyncio.Queue[RunEvent | BaseException | None] = asyncio.Queue()

        def notify(event: str, data: Mapping[str, Any]) -> None:
            queue.put_nowait(RunEvent(event=event, data={key: jsonable(value) for key, value in data.items()}))

        async def work() -> None:
            try:
                result = await self._run(request, notify, streaming=True)
                notify("run.finished", result.to_dict())
                queue.put_nowait(None)
            except ToolcribError as error:
                queue.put_nowait(error)
            except asyncio.CancelledError:
                queue.put_nowait(None)
                raise
            except Exception as error:  # outer guard: whoever reads the stream must hear of it
                log.exception("run could not be written down", extra={"agent": request.agent})
                queue.put_nowait(_failure(error))

        task = asyncio.create_task(work(), name="toolcrib-run")
        self._streams.add(task)
        task.add_done_callback(self._streams.discard)
        while (item := await queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    def scope_for(self, config: Mapping[str, Any]) -> RunScope:
        """The scope of a graph run that toolcrib did not start: pinned at its first tool call, let go with the run."""

        def make(leases: ExitStack) -> RunScope:
            release = leases.enter_context(self._ports.registry.lease(holder="graph"))
            return RunScope(
                release=release,
                calls=self._ports.calls,
                models=self._ports.models,
                clock=self._ports.clock,
                tools=tuple(release.tools),
                thread_id=str((config.get("configurable") or {}).get("thread_id") or ""),
            )

        return self._foreign.scope(run_control(), make)

    def sweep(self) -> None:
        """Let go of the releases of foreign runs that are over."""
        self._foreign.sweep()

    async def close(self) -> None:
        """Cancel the runs that nobody awaits."""
        for task in tuple(self._streams):
            task.cancel()
        await asyncio.gather(*self._streams, return_exceptions=True)

    async def _run(self, request: RunRequest, notify: Notify, *, streaming: bool) -> RunResult:
        began = self._ports.clock.monotonic()
        thread_id = request.thread_id or self._ports.ids.new()
        key = (request.tenant, thread_id)
        if key in self._busy:
            raise ThreadBusy(f"Thread {thread_id!r} has a run in flight.", hint="Wait until it has ended.")
        self._busy.add(key)
        try:
            with ExitStack() as leases:
                release = await self._pin(request, thread_id, leases)
                agent = release.agent(request.agent)
                record = RunRecord(
                    run_id=self._ports.ids.new(),
                    thread_id=thread_id,
                    tenant=request.tenant,
                    agent=agent.name,
                    release=release.digest,
                    started_at=self._ports.clock.now(),
                )
                run = _Run(record=record, agent=agent, release=release, request=request, began=began, notify=notify)
                return await self._accepted(run, streaming=streaming)
        finally:
            self._busy.discard(key)

    async def _pin(self, request: RunRequest, thread_id: str, leases: ExitStack) -> Release:
        """Lease the release of this run: that of the parked run it resumes, else the one that serves now."""
        registry = self._ports.registry
        parked = await self._ports.ledger.parked(thread_id, tenant=request.tenant) if request.thread_id else None
        if request.resume is None:
            if parked is not None:
                raise ThreadBusy(
                    f"Thread {thread_id!r} waits for a human's answer.",
                    hint="Resume it with the answer, or ask on another thread.",
                )
            return leases.enter_context(registry.lease(holder="run"))
        if parked is None:
            raise ResumeRefused(
                f"Nothing waits for an answer on thread {thread_id!r}.", hint="Ask a question instead of resuming."
            )
        release = registry.resident(parked.release) or await self._ports.load(parked.release)
        return leases.enter_context(registry.lease(holder="run", release=release))

    async def _accepted(self, run: _Run, *, streaming: bool) -> RunResult:
        """Write the pin, execute, write the end, whatever it is."""
        record = run.record
        await self._ports.ledger.accept(record)
        started = RunStarted(
            run_id=record.run_id,
            thread_id=record.thread_id,
            agent=record.agent,
            release=run.release.id,
            tenant=record.tenant,
        )
        self._ports.events.emit(started)
        run.notify("run.started", started.to_dict())
        try:
            result = await self._outcome(run, streaming=streaming)
        except asyncio.CancelledError:
            await asyncio.shield(self._finish(run, "cancelled", None))
            raise
        status = "interrupted" if result.interrupts else "success" if result.success else "error"
        await self._finish(run, status, result.error)
        self._ports.events.emit(RunFinished(result=result, agent=record.agent, tenant=record.tenant))
        return result

    async def _finish(self, run: _Run, status: str, error: ErrorInfo | None) -> None:
        seen = {str(step["release"]) for step in run.steps if step.get("release")} | {run.agent.release}
        record = replace(
            run.record,
            status=status,
            error=f"{error.code}: {error.message}" if error else "",
            releases_seen=tuple(sorted(seen)),
            finished_at=self._ports.clock.now(),
        )
        await self._ports.ledger.finish(record)

    async def _outcome(self, run: _Run, *, streaming: bool) -> RunResult:
        """The run's result; every failure of the graph is one."""
        limit = run.agent.spec.limits.run_timeout_s
        timer = asyncio.timeout(limit)
        outcome, error = Outcome(), None
        record = run.record
        turn = Turn(
            question=run.request.question,
            resume=run.request.resume,
            thread=checkpoint_thread(record.tenant, record.thread_id),
            streaming=streaming,
        )
        try:
            async with timer, self._slots:
                outcome = await take_turn(run.agent, turn, self._scope(run, run.began + limit))
        except ToolcribError as raised:
            error = raised
        except TimeoutError as raised:
            error = RunTimeout(f"The run was stopped after {limit:g} s.") if timer.expired() else _failure(raised)
        except Exception as raised:  # outer guard: a graph of the project may raise anything
            log.warning("run failed", exc_info=True, extra={"run_id": record.run_id, "agent": run.agent.name})
            error = _failure(raised)
        return self._result(run, outcome, error)

    def _scope(self, run: _Run, deadline: float) -> RunScope:
        """What the graph's nodes know of the run; their steps become its trace."""

        def notify(event: str, data: Mapping[str, Any]) -> None:
            if event in ("tool.finished", "model.finished"):
                run.steps.append({"kind": event.partition(".")[0], **data})
            run.notify(event, data)

        record, ports = run.record, self._ports
        return RunScope(
            release=run.release,
            calls=ports.calls,
            models=ports.models,
            clock=ports.clock,
            tools=run.agent.tools,
            run_id=record.run_id,
            thread_id=record.thread_id,
            agent=record.agent,
            tenant=record.tenant,
            deadline=deadline,
            tool_timeout_s=run.agent.spec.limits.tool_timeout_s,
            notify=notify,
        )

    def _result(self, run: _Run, outcome: Outcome, error: ToolcribError | None) -> RunResult:
        models = [step for step in run.steps if step["kind"] == "model"]
        return RunResult(
            output=outcome.output,
            success=error is None,
            error=None if error is None else ErrorInfo.of(error),
            execution_time_s=self._ports.clock.monotonic() - run.began,
            iterations=len(models),
            input_tokens=sum(step["input_tokens"] for step in models),
            output_tokens=sum(step["output_tokens"] for step in models),
            trace=tuple(run.steps),
            release=run.release.id,
            thread_id=run.record.thread_id,
            run_id=run.record.run_id,
            interrupts=outcome.interrupts,
        )


def checkpoint_thread(tenant: str, thread_id: str) -> str:
    """The thread's key in the checkpointer: tenants never share one.

    Raises:
        Conflict: the id holds the separator.
    """
    if "\x1f" in thread_id or "\x1f" in tenant:
        raise Conflict("A thread id and a tenant must not hold control characters.")
    return f"{tenant}\x1f{thread_id}" if tenant else thread_id


def _failure(raised: Exception) -> RunFailed:
    error = RunFailed(f"{type(raised).__name__}: {str(raised).strip()[:2000]}".rstrip(": "))
    error.__cause__ = raised
    return error

"""`RunService`: one agent turn from acceptance to its end, on one release."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from toolcrib.agents.graphs import refuse_misfit
from toolcrib.agents.messages import refuse_modes, refuse_unasked
from toolcrib.agents.models.plans import refuse_tier
from toolcrib.agents.running import Outcome, Turn, refuse_ambiguous
from toolcrib.agents.scope import RunScope
from toolcrib.core.errors import (
    Conflict,
    NotFound,
    RunFailed,
    RunTimeout,
    ToolcribError,
)
from toolcrib.core.events import RunStarted
from toolcrib.core.results import ErrorInfo, RunResult, jsonable, said
from toolcrib.core.stores.ledger import RunRecord, ThreadFilter, checkpoint_thread
from toolcrib.core.stores.pins import STOPPED
from toolcrib.runs.active import CANCELLED, STEPS, ActiveRun, ActiveRuns, Notify
from toolcrib.runs.answers import Answers
from toolcrib.runs.foreign import ForeignRuns
from toolcrib.runs.guests import GuestRuns
from toolcrib.runs.ports import RunEvent, RunPorts, RunRequest
from toolcrib.runs.resuming import Resumer
from toolcrib.runs.threads import ThreadMove, Threads, busy
from toolcrib.runs.writing import CLOSE_S, RunWriter, ended

log = logging.getLogger(__name__)
LOOK_EVERY_S = 0.01


class RunService:
    """Runs agents. A run takes its release when it is accepted and keeps it, also over an interrupt and a restart.

    Attributes:
        active: the runs under way here.
        resumer: takes up those that the end of a process stopped.
        guests: those that another server drives.
        foreign: those of graphs that we did not start, which only call our tools.
    """

    def __init__(self, ports: RunPorts, *, concurrency: int) -> None:
        self._ports = ports
        self._threads = Threads(ports)
        self._slots = asyncio.Semaphore(concurrency)
        self._busy: set[tuple[str, str]] = set()
        self._streams: set[asyncio.Task[None]] = set()
        self._writer = RunWriter(ports)
        self.active = ActiveRuns()
        self._answers = Answers(ports.cache)
        self.resumer = Resumer(resume=self.resume, ports=ports, active=self.active)
        self._loop = asyncio.get_running_loop()
        self.foreign = ForeignRuns(ports, self._loop)
        self.guests = GuestRuns(ports, self._threads)

    async def run(self, request: RunRequest) -> RunResult:
        """Run to the end. Cancelling the caller cancels the run.

        Raises:
            AgentNotFound: the release has no such agent.
            InputInvalid: its graph cannot take the question.
            ThreadBusy: the thread has a run in flight, or waits for a human.
            ResumeRefused: an answer was given, but nothing waits for one.
            MigrationFailed: what is saved of the thread cannot be brought to the release.
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
                queue.put_nowait(self._failure(error))

        task = asyncio.create_task(work(), name="toolcrib-run")
        self._streams.add(task)
        task.add_done_callback(self._streams.discard)
        while (item := await queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    async def resume(self, run_id: str) -> RunResult:
        """Let a run that was stopped go on, on its own release, to its end; `execution_time_s` counts from here.

        Raises:
            NotFound: there is no such run.
            Conflict: it is not stopped, or this process ends.
            ResumeRefused: its release is not to be had; the run stays as it is.
        """
        record = await self._ports.ledger.find(run_id)
        if record is None:
            raise NotFound(f"There is no run {run_id!r}.", hint="`toolcrib runs` lists the newest ones.")
        if record.status not in STOPPED:
            raise _not_stopped(run_id, record.status)
        with self._to_itself(record.tenant, record.thread_id), ExitStack() as leases:
            release = await self._threads.pin_again(record, leases)
            arms = release.arms(tenant=record.tenant, user=record.user, thread=record.thread_id)
            agent = release.agent(record.agent, tenant=record.tenant, arms=arms)
            known = await self._ports.accounts.known(record, agent, release)
            if self.resumer.ending:  # no wait from here to where the end of the process finds it among the active runs
                raise Conflict(f"Run {run_id!r} goes on in the next process: this one ends.")
            run = ActiveRun(
                record=replace(known, status="running", error="", finished_at=None, process=self._ports.process),
                agent=agent,
                release=release,
                request=RunRequest(agent=agent.name, thread_id=record.thread_id, tenant=record.tenant),
                purse=self._ports.accounts.purse(known, agent, release),
                began=self._ports.clock.monotonic(),
                notify=lambda event, data: None,
                goes_on=True,
            )
            return await self._to_its_end(run, stopped=record)

    def suspend(self) -> None:
        """The process ends: let each run stop before its next step."""
        self.resumer.take_up_no_more()
        self.active.ask_to_stop(become="suspended")

    async def cut(self, why: str) -> Sequence[RunRecord]:
        """The process ends now: end each run in the middle of its step, and wait for that, for a bounded time."""
        self.resumer.take_up_no_more()
        cut, clock = self.active.cut(why=why, become="suspended"), self._ports.clock
        until = clock.monotonic() + CLOSE_S
        while self.active.records() and clock.monotonic() < until:
            await clock.sleep(LOOK_EVERY_S)
        return cut

    async def move_threads(
        self, wanted: ThreadFilter, release: str, *, dry_run: bool, migrate: bool = False
    ) -> Sequence[ThreadMove]:
        """See `Threads.move`; `release` is the digest of a stored release."""
        target = self._ports.registry.resident(release) or await self._ports.load(release)
        with self._ports.registry.lease(holder="move", release=target):
            return await self._threads.move(wanted, target, dry_run=dry_run, migrate=migrate)

    def sweep(self) -> None:
        """Let go of the releases of foreign runs that are over."""
        self.foreign.sweep()

    async def close(self) -> None:
        """Cancel the runs that nobody awaits; those that were taken up go on in the next process."""
        await self.resumer.close()
        for task in self._streams:
            task.cancel()
        await ended(self._streams, "runs")
        await self._writer.close()

    @contextmanager
    def _to_itself(self, tenant: str, thread_id: str) -> Iterator[None]:
        """For the length of the block no other run of the thread begins here.

        Raises:
            ThreadBusy: one is under way.
        """
        key = (tenant, thread_id)
        if key in self._busy:
            raise busy(thread_id)
        self._busy.add(key)
        try:
            yield
        finally:
            self._busy.discard(key)

    async def _run(self, request: RunRequest, notify: Notify, *, streaming: bool) -> RunResult:
        refuse_unasked(request.question, request.resume, request.thread_id)
        began = self._ports.clock.monotonic()
        thread_id = request.thread_id or self._ports.ids.new()
        with self._to_itself(request.tenant, thread_id), ExitStack() as leases:
            last = await self._threads.last(request)
            release = await self._threads.pin(request, thread_id, last, leases)
            user = last.user if last and request.resume is not None else request.user
            arms = release.arms(tenant=request.tenant, user=user, thread=thread_id)
            agent = release.agent(request.agent, tenant=request.tenant, arms=arms)
            refuse_misfit(agent.graph, agent.name, request.question)
            refuse_tier(agent, request.tier)
            refuse_modes(request.modes)
            if request.resume is not None:
                await refuse_ambiguous(agent, checkpoint_thread(request.tenant, thread_id), request.resume)
            record = RunRecord(
                run_id=self._ports.ids.new(),
                thread_id=thread_id,
                tenant=request.tenant,
                agent=agent.name,
                release=release.digest,
                started_at=self._ports.clock.now(),
                state=release.shape.agents[agent.name].state.id if agent.name in release.shape.agents else "",
                revision=agent.revision,
                process=self._ports.process,
                user=user,
                variants=release.concerning(arms, agent=agent.name, tools=agent.tools),
            )
            run = ActiveRun(
                record=record,
                agent=agent,
                release=release,
                request=request,
                purse=self._ports.accounts.purse(record, agent, release),
                began=began,
                notify=notify,
                follows=(last.run_id if last else "") if request.thread_id else None,
            )
            return await self._to_its_end(run, streaming=streaming)

    async def _to_its_end(
        self, run: ActiveRun, *, streaming: bool = False, stopped: RunRecord | None = None
    ) -> RunResult:
        """Execute, and write the end; it is under way until that is written. `stopped`: as it is until it goes on."""
        self.active.add(run)
        try:
            if stopped is not None and not await self._writer.take_up(stopped):
                raise _not_stopped(stopped.run_id, "taken up by another process")
            return await self._executed(run, streaming=streaming)
        finally:
            self.active.remove(run)

    async def _executed(self, run: ActiveRun, *, streaming: bool) -> RunResult:
        """Write the pin, execute, write the end, whatever it is."""
        try:
            # written even when it is cancelled: then so is the end
            if not (run.goes_on or await self._ports.ledger.accept(run.record, follows=run.follows)):
                raise busy(run.record.thread_id)
            self._tell_start(run)
            outcome, failure = await self._outcome(run, streaming=streaming)
        except asyncio.CancelledError:
            await self._writer.end(run, *self._cancelled(run))
            raise
        result = self._result(run, outcome, failure)
        (await self._writer.end(run, result, run.status(outcome, failure), outcome.paused_at)).result()
        return result

    def _cancelled(self, run: ActiveRun) -> tuple[RunResult, str]:
        """Its result and its status; one that was cut, but did not end by that, is what it was to become."""
        cut = run.was_cut() if run.cut else None
        result = replace(self._result(run, Outcome(), cut), success=False)
        return (result, run.status(Outcome(), cut)) if cut else (replace(result, error=CANCELLED), "cancelled")

    def _tell_start(self, run: ActiveRun) -> None:
        record = run.record
        started = RunStarted(
            run_id=record.run_id,
            thread_id=record.thread_id,
            agent=record.agent,
            release=run.release.id,
            tenant=record.tenant,
            variants=record.variants,
        )
        self._ports.events.emit(started)
        run.notify("run.started", started.to_dict())

    async def _outcome(self, run: ActiveRun, *, streaming: bool) -> tuple[Outcome, ToolcribError | None]:
        """How the graph ended; every failure of it is an error here."""
        limit = run.agent.spec.limits.run_timeout_s
        timer = asyncio.timeout(limit)
        outcome, error = Outcome(), None
        record = run.record
        turn = Turn(
            question=run.request.question,
            resume=run.request.resume,
            thread=checkpoint_thread(record.tenant, record.thread_id),
            streaming=streaming,
            modes=run.request.modes,
            control=run.control,
            goes_on=run.goes_on,
        )
        try:
            async with timer:
                run.timer = timer
                if run.cut:
                    timer.reschedule(0.0)
                async with self._slots:
                    outcome = await self._answers.turn(run.agent, turn, self._scope(run, run.began + limit))
        except ToolcribError as raised:
            error = raised
        except TimeoutError as raised:
            expired = timer.expired()
            error = RunTimeout(f"The run was stopped after {limit:g} s.") if expired else self._failure(raised)
            error = run.was_cut() if expired and run.cut else error
        except Exception as raised:  # outer guard: a graph of the project may raise anything
            log.warning("run failed", exc_info=True, extra={"run_id": record.run_id, "agent": run.agent.name})
            error = self._failure(raised)
        finally:
            run.over = True
        return outcome, run.stopped() if outcome.stopped else error

    def _scope(self, run: ActiveRun, deadline: float) -> RunScope:
        """What the graph's nodes know of the run; their steps become its trace."""

        def notify(event: str, data: Mapping[str, Any]) -> None:
            if event in STEPS:
                run.steps.append({"kind": event.partition(".")[0], **data})
            run.notify(event, data)

        record, ports = run.record, self._ports
        return RunScope(
            release=run.release,
            calls=ports.calls,
            models=ports.models,
            clock=ports.clock,
            random=ports.random,
            tools=run.agent.tools,
            run_id=record.run_id,
            thread_id=record.thread_id,
            agent=record.agent,
            tenant=record.tenant,
            arms=record.variants,
            tier=run.request.tier,
            deadline=deadline,
            tool_timeout_s=run.agent.spec.limits.tool_timeout_s,
            loops=run.agent.spec.limits.loops,
            purse=run.purse,
            notify=notify,
            emit=ports.events.emit,
            loop=self._loop,
        )

    def _result(self, run: ActiveRun, outcome: Outcome, error: ToolcribError | None) -> RunResult:
        degrade = run.agent.spec.degrade
        return RunResult(
            output=degrade.answer if degrade and error and not outcome.stopped else outcome.output,
            success=error is None,
            error=None if error is None else self._told(error),
            execution_time_s=self._ports.clock.monotonic() - run.began,
            iterations=sum(step["kind"] == "model" for step in run.steps),
            **run.total(),
            trace=tuple(run.steps),
            release=run.release.id,
            thread_id=run.record.thread_id,
            run_id=run.record.run_id,
            interrupts=outcome.interrupts,
            variants=run.record.variants,
            from_cache=outcome.from_cache,
            degraded=next((str(step["code"]) for step in run.steps if step["kind"] == "answer"), ""),
        )

    def _failure(self, raised: Exception) -> RunFailed:
        cause = self._ports.secrets.without(raised)
        error = RunFailed(f"{type(cause).__name__}: {said(cause).strip()}".rstrip(": "))
        error.__cause__ = cause
        return error

    def _told(self, error: ToolcribError) -> ErrorInfo:
        info, scrub = ErrorInfo.of(error), self._ports.secrets.scrub
        return replace(info, message=scrub(info.message), hint=scrub(info.hint))


def _not_stopped(run_id: str, status: str) -> Conflict:
    return Conflict(f"Run {run_id!r} cannot go on: it is {status}.", hint="Only `drained` and `suspended` runs can.")

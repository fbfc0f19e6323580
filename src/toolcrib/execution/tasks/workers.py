"""`TaskWorkers`: takes waiting tasks, runs a bounded number of them, and looks after those whose process died."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace

from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.errors import Conflict, NotFound
from toolcrib.core.events import TaskStarted
from toolcrib.core.results import ToolResult, said
from toolcrib.core.tasks import Claim, TaskRecord, TaskState
from toolcrib.execution.tasks.audience import Audience
from toolcrib.execution.tasks.people import ATTENTION_S, asks_for_a_person, left_in_doubt, reopen, waiting
from toolcrib.execution.tasks.ports import TaskOptions, TaskPorts
from toolcrib.execution.tasks.progress import TaskProgress
from toolcrib.registry.release import Release

log = logging.getLogger(__name__)
BEATS_PER_LEASE = 4
STOP_S = 5.0
RETRY_S = 2.0
MAX_CRASHES = 3
BROKEN_OFF = "its process ended in the middle of the call, which may or may not have had its effect"


@dataclass(slots=True, kw_only=True)
class _Run:
    """One task that runs here: `call` is the tool call, which can be cancelled; `work` writes down its end."""

    record: TaskRecord
    progress: TaskProgress
    call: asyncio.Future[ToolResult]
    work: asyncio.Task[None]
    why: str = ""


class TaskWorkers:
    """Runs waiting tasks of one store in this process; further processes may do the same beside it."""

    def __init__(self, ports: TaskPorts, *, options: TaskOptions, audience: Audience) -> None:
        self._ports = ports
        self._options = options
        self._audience = audience
        self._owner = ports.ids.new()
        # by id and beginning: a task that was lost and begun here again runs twice, until the first is broken off
        self._runs: dict[tuple[str, int], _Run] = {}
        self._news = asyncio.Event()
        self._stopping = False
        self._counts: Mapping[TaskState, int] = {}

    def __len__(self) -> int:
        return len(self._runs)

    @property
    def counts(self) -> Mapping[TaskState, int]:
        """How many tasks the store had in each state at the last beat; nothing before the first."""
        return self._counts

    def running_on(self, release: str) -> list[TaskRecord]:
        """The tasks that run here on the release with this id."""
        return [run.record for run in self._runs.values() if run.record.release == release]

    def wake(self) -> None:
        """There may be a task to begin."""
        self._news.set()

    async def keep(self) -> None:
        """Run tasks until cancelled; tasks that run go on then, until `close`."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._begin_tasks(), name="toolcrib-tasks")
            while True:
                await self.look_after()
                await self._ports.clock.sleep(self._options.lease_s / BEATS_PER_LEASE)

    async def look_after(self) -> None:
        """One beat: keep the leases, stop what others want stopped, take over what others left, forget the expired."""
        store, now = self._ports.store, self._ports.clock.now()
        await self._look_after_runs(now)
        for orphan in await store.orphans(now):
            log.warning("task left by a process that is gone", extra={"task": orphan.id, "tool": orphan.tool})
            await self._put_back(replace(orphan, crashes=orphan.crashes + 1))
        await self._audience.look()
        await store.sweep(now)
        self._counts = await store.counts()
        self.wake()

    def overlay(self, record: TaskRecord) -> TaskRecord:
        """The record with the newest progress, when the task runs here."""
        run = self._runs.get((record.id, record.starts))
        if run is None or record.state != "running":
            return record
        return replace(record, progress=run.progress.fraction, message=run.progress.message)

    async def stop(self, task_id: str) -> bool:
        """Cancel a task that runs here and wait for its end, at most 5 s; whether it runs here."""
        runs = [run for run in self._runs.values() if run.record.id == task_id]
        for run in runs:
            run.why = run.why or "cancelled"
            run.call.cancel()
        if runs:
            await asyncio.wait({run.work for run in runs}, timeout=STOP_S)
        return bool(runs)

    async def drain(self, within_s: float) -> None:
        """Begin no more tasks, and wait for those that run, at most so long."""
        self._stopping = True
        if self._runs and within_s > 0:
            await asyncio.wait({run.work for run in self._runs.values()}, timeout=within_s)

    async def close(self) -> None:
        """Stop everything; what ran is put back into the queue, or is in doubt, as its tool allows."""
        self._stopping = True
        runs = list(self._runs.values())
        for run in runs:
            run.why = run.why or "closed"
            run.call.cancel()
        works = {run.work for run in runs}
        if works:
            await asyncio.wait(works, timeout=STOP_S)
        for run in runs:
            run.work.cancel()
        await asyncio.gather(*works, return_exceptions=True)
        store, mine = self._ports.store, frozenset[TaskState]({"running"})
        for left in await store.tasks(states=mine, owner=self._owner, limit=self._options.workers):
            never_begun = all(run.record.id != left.id for run in runs)
            await self._put_back(replace(left, repeatable=True) if never_begun else left)
        await self._audience.close()

    async def _begin_tasks(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while self._has_room() and await self._begin_next():
                pass

    def _has_room(self) -> bool:
        return not self._stopping and len(self._runs) < self._options.workers and self._ports.registry.generation > 0

    async def _begin_next(self) -> bool:
        """Begin the next waiting task; False: none waits.

        The stable release is leased before, so that it stays; where the task turns out to be for another one, that is
        leased too.
        """
        registry, now = self._ports.registry, self._ports.clock.now()
        with ExitStack() as leases:
            release = leases.enter_context(registry.lease(holder="task", release=registry.current.release))

            def route(record: TaskRecord) -> TaskRecord:
                nonlocal release
                if (mine := registry.route(tenant=record.tenant, key=record.id)) is release:
                    return record
                release = leases.enter_context(registry.lease(holder="task", release=mine))
                return replace(record, release=mine.id, repeatable=record.tool in _repeatable(mine))

            claim = Claim(
                owner=self._owner,
                at=now,
                until=now + self._options.lease_s,
                release=release.id,
                repeatable=_repeatable(release),
                route=route,
            )
            record = await self._ports.store.claim(claim)
            if record is None:
                return False
            self._begin(record, release, leases.pop_all())
        return True

    def _begin(self, record: TaskRecord, release: Release, leases: ExitStack) -> None:
        ports = self._ports
        progress = TaskProgress(record, clock=ports.clock, events=ports.events)
        context = CallContext(
            tenant=record.tenant,
            arms=release.arms(tenant=record.tenant),
            priority=record.priority,
            scopes=None if record.scopes is None else frozenset(record.scopes),
            approved=record.approved,
            progress=progress,
        )
        ports.events.emit(TaskStarted(task=record.id, tool=record.tool, release=release.id, tenant=record.tenant))
        call = asyncio.ensure_future(self._call(release, record, context))
        key = record.id, record.starts
        work = asyncio.create_task(self._see_to_its_end(key, leases), name=f"toolcrib-task-{record.id}")
        self._runs[key] = _Run(record=record, progress=progress, call=call, work=work)

    async def _call(self, release: Release, record: TaskRecord, context: CallContext) -> ToolResult:
        if record.call_key:  # a call that was parked: a person wants it to run again under its own key
            await reopen(self._ports.journal, record)
        wanted = ToolCall(name=record.tool, args=record.args, id=record.id, idempotency_key=record.call_key)
        return await self._ports.call_tool(release, wanted, context)

    async def _see_to_its_end(self, key: tuple[str, int], leases: ExitStack) -> None:
        """Wait for the call, let go of its release, and write down how it ended; only `close` cancels this."""
        run = self._runs[key]
        try:
            with leases:
                await asyncio.wait({run.call})
            while not await self._written(run):
                await self._ports.clock.sleep(RETRY_S)
        finally:
            run.progress.over = True
            del self._runs[key]
            self.wake()

    async def _written(self, run: _Run) -> bool:
        """Write down how the run ended; False when the store failed, and it must be tried again."""
        try:
            await self._write_end(run)
        except (Conflict, NotFound):
            log.warning("task was taken over by another process", extra={"task": run.record.id})
        except Exception:  # outer guard: whatever ails the database, the end of a call must not be lost
            log.exception("task's end could not be written down", extra={"task": run.record.id})
            return False
        return True

    async def _write_end(self, run: _Run) -> None:
        record = self._with_progress(run)
        if not run.call.cancelled():
            await self._end(self._with_result(run))
        elif run.why == "closed":
            await self._put_back(record)
        elif run.why != "lost":
            await self._end(replace(record, state="cancelled", error="cancelled while it ran"))

    async def _look_after_runs(self, now: float) -> None:
        """Renew the leases of what runs here, write down its progress, and hear what others want of it."""
        before = list(self._runs.values())
        if not before:
            return
        renewed = await self._ports.store.renew(self._owner, until=now + self._options.lease_s)
        mine = {record.id: record for record in renewed}
        for run in before:
            stored = mine.get(run.record.id)
            lost = stored is None or stored.starts != run.record.starts
            if stored is None or lost or stored.cancel_asked:
                run.why = run.why or ("lost" if lost else "cancelled")
                run.call.cancel()
            elif run.progress.unsaved:
                run.progress.unsaved = False
                await self._ports.store.note(self._with_progress(run))

    async def _put_back(self, record: TaskRecord) -> None:
        """What nobody runs any more is queued again if its tool may be run twice, else it is in doubt."""
        if not record.repeatable:
            after = left_in_doubt(record, self._ports.registry, BROKEN_OFF, self._ports.clock.now())
        elif record.crashes >= MAX_CRASHES:
            after = replace(record, state="failed", error=f"crashed: its process died under it {record.crashes} times")
        elif record.cancel_asked:
            after = replace(record, state="cancelled", error="cancelled while it ran")
        else:
            after = replace(record, state="queued", owner="", leased_until=None, started_at=None, release="")
            after = replace(after, progress=0.0, message="")
        try:
            await self._end(after)
        except (Conflict, NotFound):
            return  # another process was faster

    async def _end(self, record: TaskRecord) -> None:
        """Write down where a running task went, and tell of it."""
        if record.ended:
            now = self._ports.clock.now()
            kept_s = max(record.ttl_s, ATTENTION_S) if record.state == "in_doubt" else record.ttl_s
            record = replace(record, finished_at=now, expires_at=now + kept_s)
        rest = await self._ports.store.move(record, was="running")
        if record.state == "waiting":
            self._audience.announce_waiting(record)
        for ended in (record, *rest) if record.ended else ():
            self._audience.announce(ended)

    def _with_result(self, run: _Run) -> TaskRecord:
        record = self._with_progress(run)
        if raised := run.call.exception():
            log.error("task's call broke", exc_info=raised, extra={"task": record.id, "tool": record.tool})
            return replace(record, state="failed", error=f"{type(raised).__name__}: {said(raised)}")
        result = run.call.result()
        if asks_for_a_person(result) and run.why != "cancelled":
            return waiting(record, result, self._ports.clock.now())
        if result.error is not None:
            error = said(f"{result.error.code}: {result.error.message}")
            return replace(record, state="failed", result=result.to_dict(), error=error)
        return replace(record, state="succeeded", progress=1.0, result=result.to_dict())

    @staticmethod
    def _with_progress(run: _Run) -> TaskRecord:
        return replace(run.record, progress=run.progress.fraction, message=run.progress.message)


def _repeatable(release: Release) -> list[str]:
    """Names of the tools whose calls may be repeated, whoever they are for."""
    tools = list(release.all_tools)
    return sorted({tool.name for tool in tools} - {tool.name for tool in tools if not tool.spec.policy.repeatable})

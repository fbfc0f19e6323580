"""`TaskService`: what callers ask of background tasks: submit, look, wait, cancel."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.errors import ArgumentsInvalid, Conflict, ToolNotFound
from toolcrib.core.results import ToolResult, jsonable
from toolcrib.core.tasks import Decision, TaskBatch, TaskRecord, TaskState
from toolcrib.execution.excess import is_whole, without_rest
from toolcrib.execution.tasks.audience import Audience, Callback
from toolcrib.execution.tasks.people import Parking, asks_for_a_person
from toolcrib.execution.tasks.ports import TaskOptions, TaskPorts
from toolcrib.execution.tasks.workers import TaskWorkers
from toolcrib.registry.release import Release


class TaskService:
    """Background tasks of an open project; all methods belong to the event loop it was opened on."""

    def __init__(self, ports: TaskPorts, *, options: TaskOptions, workers: TaskWorkers, audience: Audience) -> None:
        self._ports = ports
        self._options = options
        self._workers = workers
        self._audience = audience
        self._parking = Parking(ports, options=options, audience=audience)

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
        scopes: Collection[str] | None = None,
    ) -> str:
        """Let a tool be called in the background.

        Args:
            tool: name of the tool; the release that serves the tenant when the task *begins* runs it. Where a canary
                serves too, the task's id decides.
            args: argument name -> JSON value.
            tenant: on whose behalf.
            priority: of waiting tasks the one with the higher number begins first, then the older one.
            key: idempotency key: the same key of the same tenant is the same task, as long as that is kept.
            callback: called with the `TaskRecord` when the task has ended, on this event loop and in this process
                only: keep it short, or make it `async`. It has 30 s. When it fails, `callback_error` says why.
            ttl_s: seconds the task and its result are kept after its end; by default the setting.
            scopes: the rights the caller holds; None for a caller inside this process.

        Returns:
            The task's id.

        Raises:
            ToolNotFound: the release that would serve it now has no such tool.
            ArgumentsInvalid: the arguments do not fit it.
            QueueFull: too many tasks wait.
            Conflict: the key was used for another call.
        """
        record = self._record(ToolCall(name=tool, args=args or {}), tenant)
        record = replace(
            record,
            priority=priority,
            key=key,
            ttl_s=self._options.ttl_s if ttl_s is None else ttl_s,
            scopes=None if scopes is None else tuple(sorted(scopes)),
        )
        (kept,) = await self._add([record], callback)
        return kept.id

    async def submit_batch(
        self,
        calls: Sequence[ToolCall],
        *,
        tenant: str = "",
        priority: int = 0,
        key: str = "",
        callback: Callback | None = None,
        ttl_s: float | None = None,
        scopes: Collection[str] | None = None,
        stop_on_failure: bool = False,
    ) -> TaskBatch:
        """Let many tools be called in the background: all are kept, or none.

        Args:
            calls: what to call; their ids are not used.
            tenant: as for `submit`, and so are `priority`, `ttl_s` and `scopes`; they hold for every task of the batch.
            key: idempotency key of the batch: the same key gives the same tasks.
            callback: called at the end of each task.
            stop_on_failure: when a task fails, or is in doubt, those of the batch that have not begun are skipped.

        Returns:
            The batch's id, and those of its tasks in the order of the calls.

        Raises:
            ToolNotFound, ArgumentsInvalid, QueueFull, Conflict: as for `submit`; the message names the call.
        """
        batch = self._ports.ids.new()
        records = [
            replace(
                self._record(call, tenant, place=f"Call {number}: "),
                priority=priority,
                key=f"{key}/{number}" if key else "",
                ttl_s=self._options.ttl_s if ttl_s is None else ttl_s,
                scopes=None if scopes is None else tuple(sorted(scopes)),
                batch=batch,
                stop_on_failure=stop_on_failure,
            )
            for number, call in enumerate(calls)
        ]
        kept = await self._add(records, callback)
        return TaskBatch(id=kept[0].batch if kept else batch, tasks=tuple(record.id for record in kept))

    async def status(self, task_id: str) -> TaskRecord:
        """The task as it is now.

        Raises:
            TaskNotFound: there is none with this id, or it has expired.
        """
        return await self._shown(await self._ports.store.find(task_id))

    async def list(
        self, *, state: TaskState | None = None, tenant: str | None = None, batch: str = "", limit: int = 100
    ) -> Sequence[TaskRecord]:
        """Tasks, the newest first: of one state, of one tenant, of one batch, or all."""
        states = () if state is None else (state,)
        found = await self._ports.store.tasks(states=states, tenant=tenant, batch=batch, limit=limit)
        return [await self._shown(record) for record in found]

    async def wait(self, task_id: str, *, timeout_s: float = 60.0) -> TaskRecord:
        """Wait for the task's end, at most so long; the task as it is then, `ended` or not.

        Raises:
            TaskNotFound: there is none with this id, or it has expired.
        """
        with self._audience.listening(task_id) as end:
            record = await self.status(task_id)
            if not record.ended:
                with suppress(TimeoutError):
                    async with asyncio.timeout(timeout_s):
                        await end.wait()
                record = await self.status(task_id)
            return record

    async def result(self, task_id: str) -> ToolResult:
        """The result of a task that has ended; a tool that failed has one too.

        Raises:
            TaskNotFound: there is none with this id, or it has expired.
            Conflict: it has no result: it has not ended, or was cancelled, skipped before it began, or is in doubt.
        """
        return (await self.status(task_id)).tool_result()

    async def park(self, release: Release, call: ToolCall, context: CallContext, result: ToolResult) -> ToolResult:
        """The result of a call that nobody's graph stands around: a failure that asks for a person waits for one.

        Args:
            release: what served the call.
            call: the call, as its caller gave it.
            context: who called.
            result: what it came to.

        Returns:
            The same result, unless the error's strategy is `manual`: its error then names the task (`task`, and in the
            hint) that waits. A call with an idempotency key waits once, and then has what was decided about it.
        """
        return await self._parking.park(release, call, context, result) if asks_for_a_person(result) else result

    async def resolve(self, task_id: str, decision: Decision, *, value: Any = None) -> TaskRecord:
        """Decide about a task that is `waiting`: its tool failed with an error that asks for a person.

        Args:
            task_id: the task.
            decision: `retry` runs it again, as a task, on the release that serves then; `answer` makes `value` its
                result; `skip` ends it as `skipped`, `abort` as `failed`.
            value: the result it should have had, a JSON value.

        Returns:
            The task afterwards. When the call had an idempotency key, the same call gets what was decided from now on.

        Raises:
            TaskNotFound: there is none with this id, or it has expired.
            Conflict: it does not wait for a person, or another one was faster.
        """
        record = await self._parking.resolve(task_id, decision, value)
        self._workers.wake()
        return record

    async def cancel(self, task_id: str) -> TaskRecord:
        """Cancel the task: one that waits never begins (again), in one that runs the call is cancelled.

        A `def` tool cannot be interrupted: its thread goes on until it returns, and its value is thrown away.

        Returns:
            The task afterwards. It is still `running`, with `cancel_asked`, when its tool resists for more than 5 s, or
            when it runs in another process, which stops it within a few seconds.

        Raises:
            TaskNotFound: there is none with this id, or it has expired.
            Conflict: it has ended otherwise.
        """
        record = await self._cancel_idle(task_id)
        if record.state == "running":
            await self._ports.store.ask_cancel(task_id)
            await self._workers.stop(task_id)
            await self._cancel_idle(task_id)  # its tool may have asked for a person meanwhile
            record = await self.status(task_id)
        if record.state not in ("cancelled", "running"):
            raise Conflict(f"Task {task_id} cannot be cancelled: it is {record.state}.")
        return record

    async def drain(self, within_s: float) -> None:
        """Begin no more tasks in this process, and wait for those that run, at most so long."""
        await self._workers.drain(within_s)

    async def _cancel_idle(self, task_id: str) -> TaskRecord:
        """Cancel the task if it waits for a worker or a person; the task as it is then."""
        while (record := await self._ports.store.find(task_id)).state in ("queued", "waiting"):
            now = self._ports.clock.now()
            gone = replace(record, state="cancelled", finished_at=now, expires_at=now + record.ttl_s, result=None)
            with suppress(Conflict):  # it has moved just now: look again
                await self._ports.store.move(gone, was=record.state)
                self._audience.announce(gone)
        return record

    async def _shown(self, record: TaskRecord) -> TaskRecord:
        """The record with the newest progress, and without the handle of an artifact that is gone."""
        if record.result is not None and record.result.get("artifact"):
            result = record.tool_result()
            if not await is_whole(result, self._ports.artifacts, record.tenant):
                return replace(record, result=without_rest(result).to_dict())
        return self._workers.overlay(record)

    def _record(self, call: ToolCall, tenant: str, *, place: str = "") -> TaskRecord:
        """The call as a new task, if the release that would serve it could run it.

        The arguments are checked as they will be read back from the store.
        """
        task_id = self._ports.ids.new()
        release = self._ports.registry.route(tenant=tenant, key=task_id)
        try:
            args = jsonable(dict(call.args))
            if not isinstance(args, dict):
                raise ArgumentsInvalid(f"The arguments of {call.name!r} cannot be written as JSON.")
            tool = release.tool(call.name, tenant=tenant, arms=release.arms(tenant=tenant))
            tool.validate(args)
        except (ToolNotFound, ArgumentsInvalid) as error:
            raise type(error)(f"{place}{error.message}", hint=error.hint) from error
        now, sensitive = self._ports.clock.now(), tool.spec.sensitive
        return TaskRecord(id=task_id, tool=call.name, args=args, tenant=tenant, created_at=now, sensitive=sensitive)

    async def _add(self, records: Sequence[TaskRecord], callback: Callback | None) -> Sequence[TaskRecord]:
        """Keep the tasks, with the callback in its place before the first of them can end."""
        if callback is not None:
            for record in records:
                self._audience.call_back(record.id, callback)
        try:
            kept = await self._ports.store.add(records, queue=self._options.queue)
        except BaseException:
            for record in records:
                self._audience.forget(record.id)
            raise
        for record, known in zip(records, kept, strict=True):
            if record.id != known.id:
                for moved in self._audience.forget(record.id):
                    self._audience.call_back(known.id, moved)
                if known.ended:
                    self._audience.tell(known)
        self._workers.wake()
        return kept

"""`TaskService`: what callers ask of background tasks: submit, look, wait, cancel."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from toolcrib.core.calls import ToolCall
from toolcrib.core.errors import ArgumentsInvalid, Conflict, ToolNotFound
from toolcrib.core.results import ToolResult, jsonable
from toolcrib.core.tasks import TaskBatch, TaskRecord, TaskState
from toolcrib.execution.tasks.audience import Audience, Callback
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
            tool: name of the tool; the release that serves when the task *begins* runs it.
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
            ToolNotFound: the release that serves now has no such tool.
            ArgumentsInvalid: the arguments do not fit it.
            QueueFull: too many tasks wait.
            Conflict: the key was used for another call.
        """
        record = self._record(self._ports.registry.current.release, ToolCall(name=tool, args=args or {}))
        record = replace(
            record,
            tenant=tenant,
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
        release, batch = self._ports.registry.current.release, self._ports.ids.new()
        records = [
            replace(
                self._record(release, call, place=f"Call {number}: "),
                tenant=tenant,
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
        return self._workers.overlay(await self._ports.store.find(task_id))

    async def list(
        self, *, state: TaskState | None = None, tenant: str | None = None, batch: str = "", limit: int = 100
    ) -> Sequence[TaskRecord]:
        """Tasks, the newest first: of one state, of one tenant, of one batch, or all."""
        states = () if state is None else (state,)
        found = await self._ports.store.tasks(states=states, tenant=tenant, batch=batch, limit=limit)
        return [self._workers.overlay(record) for record in found]

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
            Conflict: it has no result: it has not ended, or was cancelled, skipped, or is in doubt.
        """
        return (await self.status(task_id)).tool_result()

    async def cancel(self, task_id: str) -> TaskRecord:
        """Cancel the task: one that waits never begins, in one that runs the call is cancelled.

        A `def` tool cannot be interrupted: its thread goes on until it returns, and its value is thrown away.

        Returns:
            The task afterwards. It is still `running`, with `cancel_asked`, when its tool resists for more than 5 s, or
            when it runs in another process, which stops it within a few seconds.

        Raises:
            TaskNotFound: there is none with this id, or it has expired.
            Conflict: it has ended otherwise.
        """
        while (record := await self._ports.store.find(task_id)).state == "queued":
            now = self._ports.clock.now()
            gone = replace(record, state="cancelled", finished_at=now, expires_at=now + record.ttl_s)
            with suppress(Conflict):  # it has begun just now: look again
                await self._ports.store.move(gone, was="queued")
                self._audience.announce(gone)
        if record.state == "running":
            await self._ports.store.ask_cancel(task_id)
            await self._workers.stop(task_id)
            record = await self.status(task_id)
        if record.state not in ("cancelled", "running"):
            raise Conflict(f"Task {task_id} cannot be cancelled: it is {record.state}.")
        return record

    async def drain(self, within_s: float) -> None:
        """Begin no more tasks in this process, and wait for those that run, at most so long."""
        await self._workers.drain(within_s)

    def _record(self, release: Release, call: ToolCall, *, place: str = "") -> TaskRecord:
        """The call as a new task, if the release could run it.

        The arguments are checked as they will be read back from the store.
        """
        try:
            args = jsonable(dict(call.args))
            if not isinstance(args, dict):
                raise ArgumentsInvalid(f"The arguments of {call.name!r} cannot be written as JSON.")
            release.tool(call.name).validate(args)
        except (ToolNotFound, ArgumentsInvalid) as error:
            raise type(error)(f"{place}{error.message}", hint=error.hint) from error
        return TaskRecord(id=self._ports.ids.new(), tool=call.name, args=args, created_at=self._ports.clock.now())

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

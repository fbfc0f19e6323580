"""Processes: tools run in a bounded pool of warm worker processes, each of which serves one release and can be killed.

A call that times out or is cancelled has its worker's whole process group killed, and what its tool has started
outside the group as well; another worker takes its place at once. Starting a worker and waiting for a free one do not
count against `attempt_timeout_s`, only against the call's own time.
"""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from toolcrib.core.calls import ToolContext
from toolcrib.core.errors import ArgumentsInvalid, CallFailed, DeadlineExceeded, ToolCrashed, ToolFailed
from toolcrib.core.results import said
from toolcrib.core.tools import Tool
from toolcrib.runners.pool import PoolStats
from toolcrib.runners.processes import values
from toolcrib.runners.processes.crew import Crew
from toolcrib.runners.processes.failures import rebuild
from toolcrib.runners.processes.fork_server import ForkServer
from toolcrib.runners.processes.limits import MEGABYTE, Limits
from toolcrib.runners.processes.worker import Answer, Worker, WorkerLost, ending

log = logging.getLogger("toolcrib.tools")
GONE_S = 0.25
"""So long a failed call waits for the last process of its worker to be gone."""
CONTEXT_FIELDS = ("tool", "call_id", "release", "attempt", "tenant", "agent", "run_id", "thread_id", "timeout_s")
Payload = Callable[[str], Awaitable[bytes]]


class ProcessRunner:
    """Runs tools in worker processes; belongs to one event loop."""

    def __init__(self, *, target: str, payload: Payload, limits: Limits, memory_used: Callable[[], float]) -> None:
        """Nothing is started yet.

        Args:
            target: `module:function` that makes name -> `Tool` from a payload, in the worker.
            payload: release id -> what `target` is given.
            limits: what the pool may use.
            memory_used: see `Crew`.
        """
        self._limits = limits
        self._payload = payload
        self._server = ForkServer(target=target, limits=limits)
        self._crew = Crew(start=self._start, limits=limits, memory_used=memory_used)
        self._free = asyncio.Semaphore(limits.workers)
        self._waiting = 0

    async def run(self, tool: Tool, args: Mapping[str, Any], context: ToolContext) -> Any:
        """Run the tool in a worker that has loaded `context.release`; the arguments are validated there once more.

        Raises:
            ToolCrashed: the worker died under the tool, or could not be started.
            DeadlineExceeded: the attempt's time is over.
            ToolFailed: arguments or result are too large.
            Exception: a stand-in of whatever the tool raises.
        """
        name, release = tool.spec.name, context.release
        message = self._message(tool, args, context)
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
        try:
            answer = await self._asked(await self._taken(name, release), tool, message)
        finally:
            self._free.release()
        return await self._outcome(tool, answer, release)

    def warm_up(self, release: str) -> None:
        """Have a worker ready for this release, so that its first call need not wait for one."""
        self._crew.warm_up(release)

    async def ready(self, release: str) -> None:
        """See `WorkerRunner.ready`."""
        await self._crew.ready(release)

    def tend(self, now: float) -> None:
        """End workers that idle too long; see `Crew.tend`."""
        self._crew.tend(now)

    @property
    def stats(self) -> PoolStats:
        """How the pool does now."""
        crew = self._crew.stats
        return replace(crew, waiting=crew.waiting + self._waiting)

    def retire(self, release: str) -> None:
        """The release is no more: end its workers."""
        self._crew.retire(release)

    async def close(self) -> None:
        """Kill all workers and end the fork server."""
        await self._crew.close()
        await self._server.close()

    async def _taken(self, name: str, release: str) -> Worker:
        try:
            return await self._crew.take(release)
        except (WorkerLost, ConnectionError, OSError) as error:
            raise _not_started(name, error) from error

    async def _start(self, release: str) -> Worker:
        worker = Worker(release, most_bytes=self._limits.message_bytes)
        await worker.start(self._server, await self._payload(release))
        return worker

    def _message(self, tool: Tool, args: Mapping[str, Any], context: ToolContext) -> bytes:
        fields = {name: getattr(context, name) for name in CONTEXT_FIELDS}
        limit = tool.spec.policy.attempt_timeout_s
        if limit is not None:
            fields["timeout_s"] = limit if context.timeout_s is None else min(limit, context.timeout_s)
        try:
            given = values.dump(args, most_bytes=self._limits.message_bytes)
        except values.TooLarge as error:
            raise _too_large(f"Tool {tool.spec.name!r} was given", error.size, self._limits) from None
        if isinstance(given.tree, str):
            raise ArgumentsInvalid(
                f"The arguments of tool {tool.spec.name!r} cannot cross to its worker process.",
                hint="They are circular, or nested more than 250 deep.",
            )
        call = {
            "tool": tool.spec.address,
            "args": orjson.Fragment(given.body),
            "marked": given.marked,
            "context": fields,
            "mask": tool.spec.sensitive.args,
        }
        try:
            return orjson.dumps(call, default=dict)
        except TypeError:  # half a character in a name: it goes in its escaped form
            call["context"] = {name: said(one) if isinstance(one, str) else one for name, one in fields.items()}
            return orjson.dumps(call, default=dict)

    async def _asked(self, worker: Worker, tool: Tool, message: bytes) -> Answer:
        """The worker's answer; a worker that gave none, or has served its time, is replaced."""
        limit = tool.spec.policy.attempt_timeout_s
        try:
            async with asyncio.timeout(limit):
                answer = await worker.ask(message, tool=tool.spec.name)
        except WorkerLost as lost:
            try:
                status = None if worker.killed else await worker.gone(GONE_S)
            finally:  # this wait can be cancelled too
                self._crew.replace(worker)
            await worker.gone(GONE_S)
            raise _crashed(tool.spec.name, lost, status, self._limits) from lost
        except TimeoutError as error:
            await self._replaced(worker)
            raise DeadlineExceeded.of(tool.spec.name, "attempt", limit or 0.0) from error
        except BaseException:
            await self._replaced(worker)
            raise
        worker.calls += 1
        if answer.head.get("spent") or worker.calls >= self._limits.calls_per_worker:
            self._crew.replace(worker)
        else:
            self._crew.give(worker)
        return answer

    async def _replaced(self, worker: Worker) -> None:
        """Kill it; when this returns, nothing it has started can still do anything."""
        self._crew.replace(worker)
        await worker.gone(GONE_S)

    async def _outcome(self, tool: Tool, answer: Answer, release: str) -> Any:
        """The result in the answer, or what it tells instead, raised."""
        name, head = tool.spec.name, answer.head
        if error := head.get("error"):
            retry = tool.spec.policy.retry
            log.info("tool raised in its worker", extra={"tool": name, "release": release, "traceback": error["trace"]})
            raise rebuild(error, retry.retry_on if retry else ())
        if head.get("memory"):
            raise ToolCrashed(
                f"Tool {name!r} hit the memory limit of {self._limits.memory_bytes // MEGABYTE} MB.",
                hint="Ask for less in one call, or raise `processes.memory_mb` in toolcrib.yaml.",
            )
        if large := head.get("large"):
            raise _too_large(f"Tool {name!r} returned", int(large), self._limits)
        marked = bool(head.get("marked"))
        if head.get("pieces"):
            return await asyncio.to_thread(values.load_pieces, answer.body, marked=marked)
        return values.load(answer.body, marked=marked)


def _too_large(what: str, size: int, limits: Limits) -> CallFailed:
    return ToolFailed(
        f"{what} {size / MEGABYTE:.1f} MB; {limits.message_bytes // MEGABYTE} MB is the most.",
        hint="Pass a path or a part of it, or raise `processes.result_mb` in toolcrib.yaml.",
    )


def _crashed(name: str, lost: WorkerLost, status: int | None, limits: Limits) -> ToolCrashed:
    if status is None:
        return ToolCrashed(f"Tool {name!r} cost its worker process: it {lost}.")
    hint = ""
    if status == -signal.SIGKILL:
        hint = "It was killed from outside: this machine may be short of memory."
    elif status in (-signal.SIGSEGV, -signal.SIGABRT):
        most = f"`processes.memory_mb` in toolcrib.yaml allows {limits.memory_bytes // MEGABYTE}"
        hint = f"Compiled code failed in it. That is also how some of it meets the memory limit: {most}."
    return ToolCrashed(f"Tool {name!r} ended its worker process with {ending(status)}.", hint=hint)


def _not_started(name: str, why: Exception) -> ToolCrashed:
    error = ToolCrashed(f"Tool {name!r} was not run: its worker process {why}.", hint="The server's log may say more.")
    error.started, error.attempts = False, 0
    return error

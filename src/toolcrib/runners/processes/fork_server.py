"""`ForkServer`: this side of the fork server: started when first needed, and anew when it has died."""

import asyncio
import itertools
import os
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass, field

import orjson

from toolcrib.runners.processes.limits import Limits
from toolcrib.runners.processes.linux import kill_group

START_TIMEOUT_S = 60.0
STOP_S = 2.0
MESSAGE_BYTES = 4096
LOST = -9
"""Exit status of a worker nobody could ask after."""
_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from toolcrib.runners.processes.zygote import main; main()"
)


@dataclass(frozen=True, slots=True, eq=False)
class Forked:
    """A worker process: its id, reserved until `ended` is set to its exit status (negative: the signal)."""

    pid: int
    ended: "asyncio.Future[int]"

    def kill(self) -> None:
        """SIGKILL for it and its group, at once."""
        if not self.ended.done():
            kill_group(self.pid)


@dataclass(slots=True, eq=False)
class _Life:
    """One fork server process, from its start to its death."""

    process: asyncio.subprocess.Process
    control: socket.socket
    ready: "asyncio.Future[None]"
    forking: "dict[int, asyncio.Future[Forked]]" = field(default_factory=dict)
    workers: dict[int, Forked] = field(default_factory=dict)


class ForkServer:
    """Forks workers that are warm from their first moment."""

    def __init__(self, *, target: str, limits: Limits) -> None:
        """Nothing is started yet.

        Args:
            target: `module:function` that makes tools from a payload, in the worker.
            limits: what each worker may use.
        """
        self._target = target
        self._limits = limits
        self._numbers = itertools.count(1)
        self._life: asyncio.Task[_Life] | None = None
        self._closed = False

    async def fork(self, connection: int, output: int) -> Forked:
        """A new worker that talks over `connection` (a stream socket) and writes to `output`.

        The descriptors stay the caller's, who closes them.

        Raises:
            ConnectionError: the fork server could not be started, or died.
        """
        life = await self._living()
        number = next(self._numbers)
        future: asyncio.Future[Forked] = asyncio.get_running_loop().create_future()
        life.forking[number] = future
        try:
            socket.send_fds(life.control, [orjson.dumps({"fork": number})], [connection, output])
        except OSError as error:
            raise ConnectionError("the fork server does not listen") from error
        return await future

    async def warm_up(self) -> None:
        """Have the process running."""
        await self._living()

    async def close(self) -> None:
        """End the process and all its workers; there will be no other."""
        self._closed = True
        life, self._life = self._life, None
        if life is None:
            return
        life.cancel()
        for outcome in await asyncio.gather(life, return_exceptions=True):
            if isinstance(outcome, _Life):
                self._lost(outcome)
                await _stop(outcome.process)

    async def _living(self) -> _Life:
        if self._closed:
            raise ConnectionError("the fork server was closed")
        if self._life is None or (self._life.done() and self._gone(self._life)):
            self._life = asyncio.create_task(self._start(), name="toolcrib-fork-server-start")
        return await asyncio.shield(self._life)

    def _gone(self, life: "asyncio.Task[_Life]") -> bool:
        return life.cancelled() or life.exception() is not None or life.result().control.fileno() < 0

    async def _start(self) -> _Life:
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        here.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            path = orjson.dumps([place or os.getcwd() for place in sys.path])
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-B", "-P", "-c", _BOOT, path, str(there.fileno()), self._target),
                *(str(self._limits.memory_bytes), str(self._limits.message_bytes)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=(there.fileno(),),
                env={**os.environ, "LANGGRAPH_STRICT_MSGPACK": "true"},
            )
        except BaseException:
            here.close()
            raise
        finally:
            there.close()
        life = _Life(process, here, loop.create_future())
        loop.add_reader(here.fileno(), self._hear, life)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await life.ready
        except BaseException:
            self._lost(life)
            await asyncio.shield(asyncio.ensure_future(_stop(process)))
            raise
        return life

    def _hear(self, life: _Life) -> None:
        """Take in what the process tells: ready, forked, ended; or that it is gone."""
        try:
            message = life.control.recv(MESSAGE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            message = b""
        if not message:
            self._lost(life)
            return
        told = orjson.loads(message)
        if "ready" in told:
            if not life.ready.done():
                life.ready.set_result(None)
        elif "forked" in told:
            self._forked(life, told["forked"], told["pid"])
        elif worker := life.workers.pop(told["ended"], None):
            worker.ended.set_result(told["status"])
            with suppress(OSError):
                life.control.send(orjson.dumps({"reap": worker.pid}))

    def _forked(self, life: _Life, number: int, pid: int) -> None:
        worker = Forked(pid, asyncio.get_running_loop().create_future())
        life.workers[pid] = worker
        future = life.forking.pop(number)
        if future.done():  # whoever asked has given up
            worker.kill()
        else:
            future.set_result(worker)

    def _lost(self, life: _Life) -> None:
        """The process is gone, or is to go; its workers end with it."""
        if life.control.fileno() < 0:
            return
        asyncio.get_running_loop().remove_reader(life.control.fileno())
        life.control.close()
        for worker in life.workers.values():
            worker.kill()
            worker.ended.set_result(LOST)
        life.workers.clear()
        error = ConnectionError("the fork server of the worker processes ended")
        if not life.ready.done():
            life.ready.set_exception(error)
        for future in life.forking.values():
            if not future.done():
                future.set_exception(error)
        life.forking.clear()


async def _stop(process: asyncio.subprocess.Process) -> None:
    """It ends by itself, having killed its workers, now that its control socket is closed."""
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()

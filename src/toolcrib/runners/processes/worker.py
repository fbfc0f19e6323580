"""`Worker`: this side of one worker process: ask it, kill it, know how it ended."""

import asyncio
import os
import signal
import socket
from typing import Any, NamedTuple

import anyio
import orjson

from toolcrib.core.wire.frames import HEADER, pack
from toolcrib.runners.processes.fork_server import Forked, ForkServer
from toolcrib.runners.processes.output import OutputLog

LOAD_TIMEOUT_S = 60.0
LAST_WORDS_S = 0.1
"""So long after a worker's death its connection may still hold an answer."""
HEAD_BYTES = 64 * 1024
PEEK = int(socket.MSG_PEEK | socket.MSG_DONTWAIT)


class Answer(NamedTuple):
    """What a worker answered: `head` tells what `body` is."""

    head: dict[str, Any]
    body: memoryview


class WorkerLost(Exception):
    """The worker died, closed its connection, or sent what is no answer; the message says which."""


class Worker(asyncio.Protocol):
    """A worker process that has loaded one release; it serves one call at a time.

    Attributes:
        release: id of its release.
        calls: how many it has served.
        seen_idle: when its crew first saw it without work since its last call.
        killed: it was ended from here.
    """

    def __init__(self, release: str, *, most_bytes: int) -> None:
        self.release = release
        self.calls = 0
        self.seen_idle: float | None = None
        self._most_bytes = most_bytes + most_bytes // 64 + HEAD_BYTES  # heads of pieces
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._forked: Forked | None = None
        self._socket: socket.socket | None = None
        self._output: OutputLog | None = None
        self._lost = ""
        self.killed = False

    @property
    def pid(self) -> int:
        """Its process id, 0 before it has one."""
        return self._forked.pid if self._forked else 0

    @property
    def lost(self) -> bool:
        """Whether it is known to be of no more use."""
        return bool(self._lost)

    @property
    def usable(self) -> bool:
        """Whether it lives and has nothing to say: asked of the kernel, the event loop may not have heard yet."""
        if self._lost or self._socket is None:
            return False
        try:
            self._socket.recv(1, PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    async def start(self, server: ForkServer, payload: bytes) -> None:
        """Have it forked and wait until it has loaded its release.

        Raises:
            WorkerLost: it died, or could not load.
            ConnectionError: there is no fork server.
        """
        here, there = socket.socketpair()
        reading, writing = os.pipe()
        self._output = OutputLog(reading, release=self.release)
        here.setblocking(False)
        self._socket = here
        try:
            self._forked = await server.fork(there.fileno(), writing)
        except BaseException:
            here.close()
            self._output.close()
            raise
        finally:
            there.close()
            os.close(writing)
        loop = asyncio.get_running_loop()
        self._forked.ended.add_done_callback(lambda ended: loop.call_later(LAST_WORDS_S, self._lose, ""))
        try:
            self._transport, _ = await loop.create_unix_connection(lambda: self, sock=here)
            async with asyncio.timeout(LOAD_TIMEOUT_S):
                answer = await self.ask(payload, tool="")
        except TimeoutError as error:
            self.kill()
            raise WorkerLost(f"did not load release {self.release} within {LOAD_TIMEOUT_S:g} s") from error
        except BaseException:
            self.kill()
            raise
        if broken := answer.head.get("broken"):
            self.kill()
            raise WorkerLost(f"could not load release {self.release}: {broken['kinds'][0][1]}: {broken['message']}")

    async def ask(self, message: bytes, *, tool: str) -> Answer:
        """Send one message and wait for its answer; cancelled, the worker is of no further use: kill it.

        Raises:
            WorkerLost: no answer will come.
        """
        if self._lost or self._transport is None or self._output is None:
            raise WorkerLost(self._lost or "was never started")
        self._output.begin(tool)
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(pack(message))
        try:
            return await self._answer
        finally:
            self._answer = None
            self._output.end()

    def kill(self) -> None:
        """SIGKILL for the process and its group, at once; the fork server then finds those that left the group."""
        self.killed = True
        if self._forked:
            self._forked.kill()
        self._lose("was killed")

    async def gone(self, within_s: float) -> int | None:
        """Wait until it and all it started are no more; its exit status (negative: the signal), None in doubt.

        Shielded from the cancellation of the caller, which is why this is waited for.
        """
        if self._forked is None:
            return None
        with anyio.move_on_after(within_s, shield=True):
            return await asyncio.shield(self._forked.ended)
        return None

    def data_received(self, data: bytes) -> None:
        """Collect one frame; what nobody asked for ends the worker."""
        buffer = self._buffer
        buffer += data
        if self._answer is None or self._answer.done():
            self.kill()
            return
        if len(buffer) < HEADER.size:
            return
        (size,) = HEADER.unpack_from(buffer)
        if size > self._most_bytes:
            self._lose(f"sent {size} bytes, which is no answer")
            self.kill()
        elif len(buffer) >= HEADER.size + size:
            self._buffer = bytearray()
            self._deliver(memoryview(buffer)[HEADER.size :], size)

    def connection_lost(self, exc: Exception | None) -> None:
        """The process has died or closed its end."""
        self._lose("closed its connection")

    def _deliver(self, frame: memoryview, size: int) -> None:
        try:
            if len(frame) != size:
                raise ValueError("two answers to one question")
            end = 4 + int.from_bytes(frame[:4])
            answer = Answer(dict(orjson.loads(frame[4:end])), frame[end:])
        except (ValueError, TypeError):
            self._lose("sent what is no answer")
            self.kill()
            return
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)

    def _lose(self, why: str) -> None:
        """It is of no more use: whoever waits is told, and everything is let go."""
        if self._lost:
            return
        self._lost = why or "ended"
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(WorkerLost(self._lost))
        if self._transport is not None:
            self._transport.abort()
        elif self._socket is not None:
            self._socket.close()
        if self._output is not None:
            self._output.close()
        self._socket = None


def ending(status: int) -> str:
    """An exit status in words."""
    if status >= 0:
        return f"exit code {status}"
    return signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"

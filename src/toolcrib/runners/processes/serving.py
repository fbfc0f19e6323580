"""A worker's life: load a release, then one call after the other until the connection closes."""

import asyncio
import faulthandler
import inspect
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

import orjson

from toolcrib.core.calls import ToolContext
from toolcrib.core.redaction import hiding, texts_of, without
from toolcrib.core.tools import Tool
from toolcrib.core.wire.frames import pack, read_frame, write_all
from toolcrib.core.wire.graph_values import is_for_graph
from toolcrib.core.wire.prctl import adopt_orphans, die_with_parent
from toolcrib.runners.processes import values
from toolcrib.runners.processes.failures import describe
from toolcrib.runners.processes.pieces import PIECE_BYTES, cut

Load = Callable[[bytes], Mapping[str, Tool]]
NO_WAY_OUT = "a Command or ToolMessage cannot leave a worker process; use isolation: thread, or return plain values"
SPARE_THREADS = 64
"""A worker in which calls have left so many more threads than loading did is replaced."""
LARGE_BYTES = 2 * PIECE_BYTES
"""A larger result goes in pieces."""
EXIT_ORPHANED, EXIT_DISCONNECTED = 70, 71


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """Bounds of one worker: its private memory, and the size of a call's result as JSON."""

    memory_bytes: int
    message_bytes: int


def serve(connection: int, output: int, load: Load, station: Station, parent: int) -> NoReturn:
    """In the forked child: never returns, whatever happens.

    Args:
        connection: stream socket; the first frame is the payload for `load`, each further one a call.
        output: where the tools' stdout and stderr go.
        load: makes the release's tools.
        station: what this worker may use.
        parent: process id of the fork server.
    """
    try:
        _settle(output, station, parent)
        _Worker(connection, station).work(load)
    except BaseException:  # noqa: BLE001 - outer guard: this copy of the fork server must not go on as another one
        with suppress(BaseException):
            sys.excepthook(*sys.exc_info())
    os._exit(EXIT_DISCONNECTED)


def _settle(output: int, station: Station, parent: int) -> None:
    """A session, signals, streams and limits of its own."""
    os.setsid()
    die_with_parent()
    if os.getppid() != parent:
        os._exit(EXIT_ORPHANED)
    adopt_orphans()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.close(nothing)
    os.close(output)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False, buffering=1)
    faulthandler.enable(sys.stderr)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (station.memory_bytes, station.memory_bytes))


class _Worker:
    """One process's tools and its connection, which tools may have closed or given another meaning."""

    def __init__(self, connection: int, station: Station) -> None:
        self._connection = connection
        self._identity = os.fstat(connection)
        self._station = station
        self._process = os.getpid()
        self._loop: asyncio.Runner | None = None

    def work(self, load: Load) -> None:
        """Load, then serve calls until the other end closes."""
        try:
            tools = load(read_frame(self._connection))
        except BaseException as error:  # noqa: BLE001 - outer guard: told to the one who waits for this worker
            self._send({"broken": describe(error)}, b"")
            return
        threads = threading.active_count() + SPARE_THREADS
        self._send({"ready": True}, b"")
        while frame := read_frame(self._connection):
            head, body = self._answer(tools, frame)
            if threading.active_count() > threads:
                head["spent"] = True
            self._send(head, body)

    def _answer(self, tools: Mapping[str, Tool], frame: bytes) -> tuple[dict[str, Any], bytes]:
        """Run one call; head and body of its answer."""
        try:
            value = self._run(tools, frame)
            if is_for_graph(value):
                raise TypeError(NO_WAY_OUT)
            body, marked, tree = values.dump(value, most_bytes=self._station.message_bytes)
            pieces = len(body) > LARGE_BYTES
            if pieces:
                body = cut(tree)
        except values.TooLarge as error:
            return {"large": error.size, "spent": True}, b""
        except MemoryError:
            return {"memory": True, "spent": True}, b""
        except BaseException as error:  # noqa: BLE001 - outer guard: the tool's code is not ours
            return {"error": describe(error)}, b""
        return {"marked": marked, "pieces": pieces}, body

    def _run(self, tools: Mapping[str, Tool], frame: bytes) -> Any:
        """Run one call; what it raises says nothing sensitive from here on, before any of it is cut or written."""
        call = orjson.loads(frame)
        tool = tools[call["tool"]]
        args = values.unmark(call["args"]) if call["marked"] else call["args"]
        try:
            args = tool.validate(args)
            value = tool.run(args, ToolContext(**call["context"]))
            return self._runner().run(_awaited(value)) if inspect.isawaitable(value) else value
        except BaseException as error:  # outer guard: the tool's code is not ours
            if (failure := without(error, hiding(texts_of(args, call["mask"])))) is error:
                raise
        raise failure  # here, where what it stands for is no part of it

    def _runner(self) -> asyncio.Runner:
        """One event loop for all calls, as on the server; a new one when a tool has closed it."""
        if self._loop is None or self._loop.get_loop().is_closed():
            self._loop = asyncio.Runner()
        return self._loop

    def _send(self, head: Mapping[str, Any], body: bytes) -> None:
        """Answer, unless this is a copy that a tool has forked, or the connection is no longer the connection."""
        if os.getpid() != self._process:
            os._exit(0)
        for stream in (sys.stdout, sys.stderr):
            with suppress(AttributeError, OSError, ValueError):  # tools may have closed or replaced it
                stream.flush()
        now = os.fstat(self._connection)
        if (now.st_dev, now.st_ino) != (self._identity.st_dev, self._identity.st_ino):
            os._exit(EXIT_DISCONNECTED)
        start = orjson.dumps(head)
        write_all(self._connection, pack(len(start).to_bytes(4) + start + body))


async def _awaited(value: Any) -> Any:
    return await value

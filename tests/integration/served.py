"""A serving process of its own, for tests that ask it over a socket.

It is forked from a process that has imported the frameworks, as commands are; `within` another one it is begun anew.
"""

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import IO

import httpx

from tests.integration.commands import warm

PATIENCE_S = 80
SERVE = """
import sys
from pathlib import Path
from toolcrib.core.errors import ToolcribError
from toolcrib.server.serve import ServeOptions, serve

root, host, port, watch, insecure = sys.argv[1:]
options = ServeOptions(
    project=Path(root),
    host=host or None,
    port=int(port) if port else None,
    watch=bool(watch),
    insecure_no_auth=bool(insecure),
    announce=lambda line: print(line, flush=True),
)
try:
    sys.exit(serve(options))
except ToolcribError as error:
    print(f"{type(error).__name__}: {error.message} {error.hint}", flush=True)
    sys.exit(9)
"""


class Forked:
    """A forked process, as `subprocess` has processes."""

    def __init__(self, process: BaseProcess, stdout: IO[str]) -> None:
        assert process.pid is not None
        self.pid = process.pid
        self.stdout = stdout
        self.terminate, self.kill = process.terminate, process.kill
        self._process = process

    def send_signal(self, signum: signal.Signals) -> None:
        os.kill(self.pid, signum)

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("serve", timeout or 0.0)
        return self._process.exitcode


class Served:
    """A serving process, and the lines it tells people."""

    def __init__(self, process: subprocess.Popen[str] | Forked) -> None:
        self.process = process
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.url = ""

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def line(self, part: str) -> str:
        """The next line with this text in it."""
        while (line := self._lines.get(timeout=PATIENCE_S)) is not None:
            if part in line:
                return line
        raise AssertionError(f"the process ended without a line of {part!r}")

    def stop(self, signum: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(signum)
        return self.process.wait(PATIENCE_S)


@contextmanager
def started(
    root: Path, *, host: str = "", port: str = "0", watch: str = "", insecure: str = "", within: tuple[str, ...] = ()
) -> Iterator[Served]:
    """A process that serves, or refuses to, `within` another command; its log stands beside the project."""
    words = [str(root), host, port, watch, insecure]
    with (
        _forked(root, words) if not within else _fresh(root, [*within, sys.executable, "-c", SERVE, *words]) as process
    ):
        served = Served(process)
        try:
            yield served
        finally:
            process.kill()
            process.wait(PATIENCE_S)
            served.reader.join(PATIENCE_S)


@contextmanager
def _fresh(root: Path, command: list[str]) -> Iterator[subprocess.Popen[str]]:
    with (
        log_of(root).open("w", encoding="utf-8") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        yield process


@contextmanager
def _forked(root: Path, words: list[str]) -> Iterator[Forked]:
    forks = warm()
    reading, writing = forks.Pipe(duplex=False)
    process = forks.Process(target=_serve, args=(writing, log_of(root), words, dict(os.environ), os.getcwd()))
    process.start()
    writing.close()
    with reading, os.fdopen(os.dup(reading.fileno()), encoding="utf-8") as stdout:
        yield Forked(process, stdout)


def _serve(stdout: Connection, log: Path, words: list[str], env: dict[str, str], place: str) -> None:
    """The forked process: it takes on its streams, environment and directory, and serves."""
    os.dup2(stdout.fileno(), 1)
    stdout.close()
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w", buffering=1), os.fdopen(2, "w", buffering=1)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(place)
    sys.argv = ["-c", *words]
    exec(SERVE, {"__name__": "__main__"})


@contextmanager
def serving(root: Path, *, port: str = "0", watch: str = "") -> Iterator[tuple[Served, httpx.Client]]:
    """A process that serves, and a client of it."""
    with started(root, port=port, watch=watch) as served:
        served.url = served.line("toolcrib serves").partition(" on ")[2].partition(",")[0]
        with httpx.Client(base_url=served.url, timeout=PATIENCE_S) as http:
            yield served, http


def log_of(root: Path) -> Path:
    return root.parent / "server.log"

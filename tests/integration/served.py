"""A serving process of its own, for tests that ask it over a socket."""

import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

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


class Served:
    """A serving process, and the lines it tells people."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
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
    command = [*within, sys.executable, "-c", SERVE, str(root), host, port, watch, insecure]
    with (
        log_of(root).open("w", encoding="utf-8") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        served = Served(process)
        try:
            yield served
        finally:
            process.kill()
            served.reader.join(PATIENCE_S)


@contextmanager
def serving(root: Path, *, port: str = "0", watch: str = "") -> Iterator[tuple[Served, httpx.Client]]:
    """A process that serves, and a client of it."""
    with started(root, port=port, watch=watch) as served:
        served.url = served.line("toolcrib serves").partition(" on ")[2].partition(",")[0]
        with httpx.Client(base_url=served.url, timeout=PATIENCE_S) as http:
            yield served, http


def log_of(root: Path) -> Path:
    return root.parent / "server.log"

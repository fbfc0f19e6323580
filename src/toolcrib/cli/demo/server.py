"""The demo's place and server: a fresh copy of the example, served by a real `toolcrib dev` in its own process."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from toolcrib.core.errors import Conflict, NotFound
from toolcrib.core.ports import Clock

READY_WITHIN_S = 60.0
STOP_WITHIN_S = 8.0
LOG_TAIL = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the demo works.

    Attributes:
        project: the copy of the example.
        log: what the server says.
        kept: whether the copy outlives the demo.
    """

    project: Path
    log: Path
    kept: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server; `log` is its output."""

    url: str
    log: Path
    process: subprocess.Popen[bytes]

    def lives(self) -> bool:
        """Whether its process is still there."""
        return self.process.poll() is None

    def log_tail(self) -> str:
        """The last lines it said."""
        with suppress(OSError):
            return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_TAIL:])
        return ""

    async def ready(self, clock: Clock) -> bool:
        """Wait until it serves; False when its process ended, or it took too long."""
        deadline = clock.monotonic() + READY_WITHIN_S
        async with httpx.AsyncClient(base_url=self.url, timeout=5.0, trust_env=False) as http:
            while self.lives() and clock.monotonic() < deadline:
                with suppress(httpx.HTTPError):
                    if (await http.get("/readyz")).status_code == 200:
                        return True
                await clock.sleep(0.05)
        return False


def example() -> Path:
    """The bundled example: inside an installed package, or in the source checkout.

    Raises:
        NotFound: neither is there.
    """
    package = Path(__file__).resolve().parents[2]
    for place in (package / "_examples" / "shop", package.parents[1] / "examples" / "shop"):
        if (place / "agents.yaml").is_file():
            return place
    raise NotFound("The bundled example is not there.", hint="Reinstall toolcrib, or run from a source checkout.")


@contextmanager
def open_place(keep: Path | None) -> Iterator[Place]:
    """A copy of the example: in `keep`, which stays, or in a temporary directory, which goes.

    Raises:
        Conflict: `keep` exists and is not empty.
        NotFound: there is no example to copy.
    """
    source = example()
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise Conflict(f"{keep} is not empty.", hint="Give --keep a directory that is empty or does not exist.")
    # The server of a killed demo may still write while this is removed.
    with tempfile.TemporaryDirectory(prefix="toolcrib-demo-", ignore_cleanup_errors=True) as name:
        base = Path(name).resolve()
        project = base / "shop" if keep is None else keep.resolve()
        ignored = shutil.ignore_patterns("__pycache__", ".toolcrib", ".*_cache")
        shutil.copytree(source, project, ignore=ignored, dirs_exist_ok=True)
        yield Place(project=project, log=base / "server.log", kept=keep is not None)


@contextmanager
def start_server(place: Place, *, port: int) -> Iterator[Server]:
    """Start `toolcrib dev` on the project; it and all its children have ended when the block has."""
    port = port or _free_port()
    command = [sys.executable, "-m", "toolcrib", "--project", str(place.project), "dev", "--port", str(port)]
    with place.log.open("wb") as log:
        # A session of its own: Ctrl-C reaches the demo alone, which then stops the server in order.
        process = subprocess.Popen(
            command,
            env=_environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Server(url=f"http://127.0.0.1:{port}", log=place.log, process=process)
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server in order, and what is left of its session at once."""
    try:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_WITHIN_S)
    finally:
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()


def _environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """The demo's own environment without toolcrib's settings: they belong to other projects and servers."""
    kept = {name: value for name, value in inherited.items() if not name.startswith("TOOLCRIB_")}
    return kept | {"NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

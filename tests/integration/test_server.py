"""The server as a process of its own: asked over a socket, edited while it serves, stopped by a signal."""

import json
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.unit.server.conftest import write_project

PATIENCE_S = 40
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
SLOW = '''
import asyncio
from toolcrib import tool

@tool(side_effect="none")
async def slow(wait_s: float) -> str:
    """Takes its time."""
    await asyncio.sleep(wait_s)
    return "done"
'''


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
def started(root: Path, *, host: str = "", port: str = "0", watch: str = "", insecure: str = "") -> Iterator[Served]:
    """A process that serves, or refuses to; its log stands beside the project."""
    command = [sys.executable, "-c", SERVE, str(root), host, port, watch, insecure]
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


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = write_project(tmp_path / "project")
    (root / "tools" / "slow.py").write_text(SLOW)
    return root


def test_a_run_streams_over_a_socket_and_ctrl_c_ends_the_process_with_0(project: Path) -> None:
    with serving(project) as (served, http):
        body = {"input": {"name": "Ada"}, "stream": True}
        with http.stream("POST", "/v1/agents/greeter/runs", json=body) as answer:
            names = [line.removeprefix("event: ") for line in answer.iter_lines() if line.startswith("event: ")]
        assert names[0] == "run.started"
        assert names[-2:] == ["run.finished", "end"]
        assert "server" not in answer.headers
        assert served.stop() == 0
    entries = [json.loads(line) for line in log_of(project).read_text().splitlines()]
    requests = [entry for entry in entries if entry["event"] == "request"]
    assert [(entry["path"], entry["status"]) for entry in requests] == [("/v1/agents/greeter/runs", 200)]


def test_an_edit_serves_a_moment_later_and_a_broken_one_does_not(project: Path) -> None:
    tools = project / "tools" / "words.py"
    good = tools.read_text()
    call = {"args": {"name": "Ada"}}
    with serving(project, watch="yes") as (served, http):
        tools.write_text(good.replace("hello", "good day"))
        assert "tool greet changed (code)" in served.line("✓ r-")
        assert http.post("/v1/tools/greet/calls", json=call).json()["value"] == "good day Ada"
        tools.write_text(good + "\ndef broken(:\n")
        assert "tools/words.py" in served.line("-->")
        assert "goes on serving" in served.line("✗ r-")
        assert http.post("/v1/tools/greet/calls", json=call).json()["value"] == "good day Ada"
        assert served.stop(signal.SIGTERM) == 0


def test_what_is_in_flight_ends_before_the_process_and_event_streams_end_at_once(project: Path) -> None:
    answers: list[httpx.Response] = []
    with serving(project) as (served, http), http.stream("GET", "/v1/events") as events:
        lines = events.iter_lines()

        def call() -> None:
            answers.append(httpx.post(f"{served.url}/v1/tools/slow/calls", json={"args": {"wait_s": 1}}))

        caller = threading.Thread(target=call)
        caller.start()
        assert "event: tool.started" in lines  # reads up to it
        served.process.send_signal(signal.SIGINT)
        assert "event: end" in lines
        assert served.process.wait(PATIENCE_S) == 0
        caller.join(PATIENCE_S)
    assert [answer.json()["value"] for answer in answers] == ["done"]


def test_a_run_whose_client_left_ends_before_the_process(project: Path) -> None:
    graph = project / "graphs" / "greet.py"
    waiting = graph.read_text().replace(
        "    if state.get", "    import asyncio\n    await asyncio.sleep(1)\n    if state.get", 1
    )
    graph.write_text(waiting)
    with serving(project) as (served, http):
        with http.stream("POST", "/v1/agents/greeter/runs", json={"input": {"name": "Bo"}, "stream": True}) as answer:
            assert "event: run.started" in answer.iter_lines()
        assert served.stop() == 0
    with serving(project) as (_, http):
        assert [run["status"] for run in http.get("/v1/ledger").json()["runs"]] == ["success"]


def test_a_second_signal_ends_what_is_in_flight(project: Path) -> None:
    with serving(project) as (served, http), http.stream("GET", "/v1/events") as events:
        lines = events.iter_lines()

        def call() -> None:
            with pytest.raises(httpx.HTTPError):
                httpx.post(
                    f"{served.url}/v1/tools/slow/calls", json={"args": {"wait_s": 25}}, timeout=PATIENCE_S
                ).raise_for_status()

        caller = threading.Thread(target=call)
        caller.start()
        assert "event: tool.started" in lines
        served.process.send_signal(signal.SIGINT)
        assert "event: end" in lines
        served.process.send_signal(signal.SIGINT)
        assert served.process.wait(8) == 0
        caller.join(PATIENCE_S)


def test_a_taken_port_is_a_conflict_when_given_and_gives_way_when_not(project: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with started(project, port=str(port)) as refused:
            assert f"Port {port} on 127.0.0.1 is taken" in refused.line("Conflict")
            assert refused.process.wait(PATIENCE_S) == 9
        assert not (project / ".toolcrib").exists(), "who cannot serve does not deploy"
        (project / "toolcrib.yaml").write_text(f"server: {{port: {port}}}\n")
        with serving(project, port="") as (served, http):
            assert http.get("/ok").json() == {"ok": True}
            assert served.url != f"http://127.0.0.1:{port}"


def test_an_address_that_others_can_reach_is_refused_without_a_word_of_consent(project: Path) -> None:
    with started(project, host="0.0.0.0") as refused:
        assert "--insecure-no-auth" in refused.line("OpenToAll")
        assert refused.process.wait(PATIENCE_S) == 9

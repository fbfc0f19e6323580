"""The server as a process of its own: asked over a socket, edited while it serves, stopped by a signal."""

import json
import signal
import socket
import subprocess
import threading
from pathlib import Path

import httpx
import pytest

from tests.integration.served import PATIENCE_S, log_of, serving, started
from tests.unit.server.conftest import write_project

SLOW = '''
import asyncio
from toolcrib import tool

@tool(side_effect="none")
async def slow(wait_s: float) -> str:
    """Takes its time."""
    await asyncio.sleep(wait_s)
    return "done"
'''


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


FEW_WATCHES = (
    *("unshare", "--user", "--map-root-user"),
    *("sh", "-c", 'echo 1 >/proc/sys/user/max_inotify_watches && exec "$@"', "sh"),
)


def test_where_the_system_has_no_watches_left_edits_serve_all_the_same_and_one_warning_says_why(project: Path) -> None:
    """The limit is one of the process's own user namespace."""
    try:
        subprocess.run((*FEW_WATCHES, "true"), check=True, capture_output=True, timeout=20)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this system does not let its users limit themselves")
    (project / "toolcrib.yaml").write_text("watch: {poll_s: 0.2}\n")
    with started(project, watch="yes", within=FEW_WATCHES) as served:
        served.line("toolcrib serves")
        text = (project / "tools" / "words.py").read_text()
        for word in ("servus", "moin"):
            (project / "tools" / "words.py").write_text(text.replace("hello", word))
            served.line("live in")
        served.stop()
    told = [json.loads(line) for line in log_of(project).read_text().splitlines() if "file events" in line]
    assert [(line["event"], line["level"]) for line in told] == [("file events do not work, the clock does", "warning")]
    assert "watch limit reached" in told[0]["reason"]
    assert "fs.inotify.max_user_watches" in told[0]["fix"]


def test_what_is_in_flight_ends_before_the_process_and_event_streams_end_at_once(project: Path) -> None:
    answers: list[httpx.Response] = []
    with serving(project) as (served, http), http.stream("GET", "/v1/events") as events:
        lines = events.iter_lines()

        def call() -> None:
            answers.append(httpx.post(f"{served.url}/v1/tools/slow/calls", json={"args": {"wait_s": 2}}))

        caller = threading.Thread(target=call)
        caller.start()
        assert "event: tool.started" in lines  # reads up to it
        served.process.send_signal(signal.SIGINT)
        assert "event: end" in lines
        late = httpx.post(f"{served.url}/v1/tools/slow/calls", json={})  # the call is waited for, so somebody answers
        assert (late.status_code, late.json()["code"], "retry-after" in late.headers) == (503, "server_stopping", True)
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

"""`toolcrib demo` as people start it: a process of its own, with a real server under it."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len

DEMO = (sys.executable, "-m", "toolcrib", "demo")


def environment(tmp_path: Path) -> dict[str, str]:
    """The demo's temporary directory goes where the test can look for what is left of it."""
    return os.environ | {"TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}


def test_the_whole_story_plays_to_its_end_and_leaves_nothing(tmp_path: Path) -> None:
    outcome = subprocess.run(
        [*DEMO, "--once"], env=environment(tmp_path), capture_output=True, text=True, timeout=100, check=False
    )
    story = outcome.stdout
    assert outcome.returncode == 0, story + outcome.stderr
    assert outcome.stderr == ""
    scenes = [line for line in story.splitlines() if line[:1].isdigit()]
    assert [line[0] for line in scenes] == ["1", "2", "3", "4", "5", "6"]
    assert "0 failed, 0 mixed" in story
    assert "not a language model" in story
    assert "tools/orders.py:" in story  # the place of the broken edit
    assert "^" in story
    assert "\x1b" not in story  # no colours where nobody looks at a terminal
    assert max(map(cell_len, story.splitlines())) <= 100
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="interrupts are POSIX signals here")
@pytest.mark.parametrize(("until", "code"), [("serving", 130), ("Ctrl-C stops", 0)])
def test_ctrl_c_stops_the_server_and_removes_the_project(tmp_path: Path, until: str, code: int) -> None:
    with subprocess.Popen(
        DEMO, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        url = ""
        for line in running.stdout:
            url = next((word for word in line.split() if word.startswith("http://127")), url).rstrip(",")
            if until in line:
                break
        running.send_signal(signal.SIGINT)
        rest, errors = running.communicate(timeout=60)
    assert running.returncode == code, rest + errors
    assert errors == ""
    assert list(tmp_path.iterdir()) == []
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) != 0


def test_a_server_that_cannot_start_ends_the_demo_with_its_log(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [*DEMO, "--once", "--port", str(taken.getsockname()[1])]
        outcome = subprocess.run(
            command, env=environment(tmp_path), capture_output=True, text=True, timeout=100, check=False
        )
    assert outcome.returncode == 1
    assert "FAILED" in outcome.stdout
    assert "is taken" in outcome.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_kept_project_stays_and_must_begin_empty(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "notes.txt").write_text("mine")
    command = [*DEMO, "--once", "--keep", str(kept)]
    outcome = subprocess.run(
        command, env=environment(tmp_path), capture_output=True, text=True, timeout=100, check=False
    )
    assert outcome.returncode == 5
    assert "not empty" in outcome.stderr
    assert [path.name for path in kept.iterdir()] == ["notes.txt"]

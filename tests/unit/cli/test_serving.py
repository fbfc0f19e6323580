"""`toolcrib dev` and `serve` refuse what they cannot do before they open the project."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest


def serve(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "toolcrib", "serve", "--project", str(project), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "tools").mkdir()
    return tmp_path


def test_an_address_that_others_reach_is_a_mistake_of_the_command_line(project: Path) -> None:
    done = serve(project, "--host", "0.0.0.0", "--port", "0")

    assert done.returncode == 2
    assert "--insecure-no-auth" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (project / ".toolcrib").exists()


def test_a_given_port_that_is_taken_is_a_conflict(project: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = serve(project, "--port", str(port))

    assert done.returncode == 5
    assert f"Port {port}" in done.stderr
    assert not (project / ".toolcrib").exists()

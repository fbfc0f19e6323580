"""Who is at work on a tree: real git, real open files."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from toolcrib.deployment.watching.rest import at_work

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who has a file open")


def git(where: Path, *words: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *words], cwd=where, check=True, capture_output=True, timeout=30)


def test_the_lock_of_the_repository_around_the_project_counts(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    project = tmp_path / "agents" / "shop"
    project.mkdir(parents=True)
    assert at_work(project, [], git=True) == ""
    lock = tmp_path / ".git" / "index.lock"
    lock.touch()
    assert at_work(project, [], git=True) == f"git holds {lock}"
    assert at_work(project, [], git=False) == ""


def test_a_linked_working_tree_has_a_lock_of_its_own(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    git(first, "init", "-q")
    git(first, "commit", "-q", "--allow-empty", "-m", "one")
    git(first, "worktree", "add", "-q", str(second))
    (first / ".git" / "index.lock").touch()
    assert at_work(second, [], git=True) == ""
    (first / ".git" / "worktrees" / "second" / "index.lock").touch()
    assert "second" in at_work(second, [], git=True)


@LINUX
@pytest.mark.parametrize("mode", ["w", "a", "r+"])
def test_a_file_open_for_writing_counts_until_it_is_closed(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "t.py"
    path.write_text("x")
    with path.open(mode):
        assert at_work(tmp_path, ["t.py"], git=True) == "t.py is open in a program that writes it"
        assert at_work(tmp_path, [], git=True) == ""
    assert at_work(tmp_path, ["t.py"], git=True) == ""


@LINUX
def test_a_writer_in_another_process_counts(tmp_path: Path) -> None:
    path = tmp_path / "t.py"
    code = "import sys; file = open(sys.argv[1], 'w'); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"open\n"
        assert at_work(tmp_path, ["t.py"], git=True)
        writer.communicate(timeout=20)
    assert at_work(tmp_path, ["t.py"], git=True) == ""


@pytest.mark.parametrize(
    "make",
    [
        lambda path: None,
        lambda path: path.touch(),
        lambda path: os.mkfifo(path),
        lambda path: path.symlink_to(path.name),
        lambda path: path.mkdir(),
    ],
    ids=["missing", "closed", "pipe", "link to itself", "directory"],
)
def test_what_nobody_writes_is_at_rest(tmp_path: Path, make: Callable[[Path], object]) -> None:
    path = tmp_path / "t.py"
    make(path)
    assert at_work(tmp_path, ["t.py"], git=True) == ""


@LINUX
def test_asking_does_not_disturb_those_who_write(tmp_path: Path) -> None:
    """The lease is broken again and again by a writer: nobody fails, nobody is killed by its signal."""
    path = tmp_path / "t.py"
    path.write_text("x")
    code = (
        "import sys\n"
        "for number in range(3000):\n"
        "    with open(sys.argv[1], 'w') as file:\n"
        "        file.write(str(number))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)]) as writer:
        answers = set()
        while writer.poll() is None:
            answers.add(at_work(tmp_path, ["t.py"], git=False))
    assert writer.returncode == 0
    assert path.read_text() == "2999"
    assert answers == {"", "t.py is open in a program that writes it"}

"""Who is alive is known by locks, which the kernel takes from the dead."""

import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path

from toolcrib.runtime.wiring.alive import alive


def lives(folder: Path, tell: Connection) -> None:
    """The process that is killed."""
    with alive(folder, "killed"):
        tell.send("alive")
        tell.poll(60)


def test_the_living_have_not_ended_and_leave_nothing_when_they_do(tmp_path: Path) -> None:
    with alive(tmp_path / "p", "a") as one, alive(tmp_path / "p", "b") as other:
        assert not one.has_ended("b")
        assert not other.has_ended("a")
    assert one.has_ended("b")
    assert other.has_ended("a")
    assert one.has_ended("nobody")
    assert list((tmp_path / "p").iterdir()) == []


def test_a_killed_process_has_ended_and_the_next_one_clears_its_file_away(tmp_path: Path) -> None:
    forks = multiprocessing.get_context("forkserver")
    ours, theirs = forks.Pipe()
    life = forks.Process(target=lives, args=(tmp_path, theirs))
    life.start()
    assert ours.poll(60)
    with alive(tmp_path, "here") as processes:
        assert not processes.has_ended("killed")
        life.kill()
        life.join(60)
        assert (tmp_path / "killed").exists()
    with alive(tmp_path, "here") as processes:
        assert [path.name for path in tmp_path.iterdir()] == ["here"]
        assert processes.has_ended("killed")

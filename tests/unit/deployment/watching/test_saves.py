"""One save is one deployment, whatever an editor does to save a file; half a save is none."""

import os
import shutil
import subprocess
from pathlib import Path

import anyio
import pytest

from tests.unit.deployment.grounds import Ground
from tests.unit.deployment.watching.watched import EVENTS_ONLY, POLLING, WITH_POLL, importing, source, told, watching
from toolcrib.deployment.watching import watch
from toolcrib.deployment.watching.looks import WatchOptions

pytestmark = pytest.mark.anyio
MODES = pytest.mark.parametrize("options", [EVENTS_ONLY, POLLING], ids=["events", "polling"])

WAITS = "the change waits until nobody is at work on the project"


def in_place(path: Path, text: str) -> None:
    """nano, VS Code, cp, `rsync --inplace`."""
    path.write_text(text)


def truncated_first(path: Path, text: str) -> None:
    """VS Code on some systems, and whatever writes through a handle it has opened before."""
    os.truncate(path, 0)
    with path.open("r+") as file:
        file.write(text)


def replaced(path: Path, text: str) -> None:
    """VS Code's atomic save, sed -i, and most programs that take care."""
    other = path.with_name("t.py.vsctmp")
    other.write_text(text)
    os.replace(other, path)


def like_vim(path: Path, text: str) -> None:
    """vim with `backupcopy=no`: swap file, probe file, the old file moved away, a new one in its place."""
    swap, probe, backup = path.with_name(".t.py.swp"), path.with_name("4913"), path.with_name("t.py~")
    swap.write_text("swap")
    probe.touch()
    probe.unlink()
    path.rename(backup)
    path.write_text(text)
    backup.unlink()
    swap.unlink()


def like_vim_copying(path: Path, text: str) -> None:
    """vim with `backupcopy=yes`: the old file copied away, the same one written anew."""
    swap, backup = path.with_name(".t.py.swp"), path.with_name("t.py~")
    swap.write_text("swap")
    shutil.copy2(path, backup)
    path.write_text(text)
    backup.unlink()
    swap.unlink()


def like_pycharm(path: Path, text: str) -> None:
    """A safe write of JetBrains' editors."""
    fresh, old = path.with_name("t.py___jb_tmp___"), path.with_name("t.py___jb_old___")
    fresh.write_text(text)
    path.rename(old)
    fresh.rename(path)
    old.unlink()


def like_nano(path: Path, text: str) -> None:
    """nano with a lock file and a backup."""
    lock, backup = path.with_name(".t.py.swp"), path.with_name("t.py~")
    lock.write_text("nano")
    shutil.copy2(path, backup)
    path.write_text(text)
    lock.unlink()
    backup.unlink()


def like_emacs(path: Path, text: str) -> None:
    """Emacs: a lock that is a link to nothing, an auto-save file, the old file moved away at the first save."""
    lock, auto, backup = path.with_name(".#t.py"), path.with_name("#t.py#"), path.with_name("t.py~")
    lock.symlink_to("somebody@somewhere.4711:1700000000")
    auto.write_text(text[: len(text) // 2])
    path.rename(backup)
    path.write_text(text)
    auto.unlink()
    lock.unlink()
    backup.unlink()


def linked(path: Path, text: str) -> None:
    """`ln -f`, and tools that keep one copy of equal files."""
    other = path.with_name("elsewhere.txt")
    other.write_text(text)
    path.unlink()
    os.link(other, path)
    other.unlink()


def deleted_and_written(path: Path, text: str) -> None:
    path.unlink()
    path.write_text(text)


def with_the_time_it_had(path: Path, text: str) -> None:
    """Another content of the same size, under the time of the one before."""
    before = path.stat()
    path.write_text(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def with_a_time_long_ago(path: Path, text: str) -> None:
    """A clock that was set back."""
    path.write_text(text)
    os.utime(path, (1, 1))


SAVES = [
    in_place,
    truncated_first,
    replaced,
    like_vim,
    like_vim_copying,
    like_pycharm,
    like_nano,
    like_emacs,
    linked,
    deleted_and_written,
    with_the_time_it_had,
    with_a_time_long_ago,
]


@MODES
async def test_each_save_is_one_deployment_however_it_is_done(ground: Ground, options: WatchOptions) -> None:
    async with watching(ground, options) as watched:
        for number, save in enumerate(SAVES):
            for value in (f"{number:02d} saved", f"{number:02d} again"):
                save(watched.tool, source(value))
                await watched.serves(value)
            assert watched.values == [f"{number:02d} saved", f"{number:02d} again"], save.__name__
            assert os.listdir(watched.tool.parent) == ["t.py"], save.__name__
            watched.forget()


@pytest.mark.skipif(shutil.which("vim") is None, reason="there is no vim here")
@pytest.mark.parametrize("backupcopy", ["yes", "no"])
async def test_a_save_by_vim_itself_is_one_deployment(ground: Ground, backupcopy: str) -> None:
    async with watching(ground, EVENTS_ONLY) as watched:
        before = ground.value()
        for value in ("vim", "again"):
            keys = f"set backupcopy={backupcopy} swapfile writebackup"
            words = ["-c", keys, "-c", f"%s/'{before}'/'{value}'/", "-c", "wq"]
            command = ["vim", "-u", "NONE", "-N", "-es", *words, str(watched.tool)]
            await anyio.to_thread.run_sync(
                lambda command=command: subprocess.run(command, check=True, capture_output=True, timeout=20)  # type: ignore[misc]  # bound early
            )
            await watched.serves(value)
            before = value
        assert watched.values == ["vim", "again"]


@MODES
async def test_a_file_that_is_still_being_written_is_no_release_though_its_beginning_is_good_python(
    ground: Ground, options: WatchOptions, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "TOLD_S", 0.0)
    async with watching(ground, options) as watched:
        with watched.tool.open("w") as file:
            file.write(source("half"))
            file.flush()
            await told(caplog, WAITS, because="tools/t.py is open in a program that writes it")
            file.write("\nvalue = tool(lambda: 'nonsense', name='other', description='half of it')\n")
            file.flush()
            file.write(source("whole"))
            assert watched.looks == []
        await watched.serves("whole")
        assert watched.values == ["whole"]


async def test_one_half_written_file_holds_back_the_others_it_belongs_to(
    ground: Ground, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "TOLD_S", 0.0)
    async with watching(ground, EVENTS_ONLY) as watched:
        helper = watched.root / "lib" / "h.py"
        helper.parent.mkdir()
        with helper.open("w") as file:
            file.write("VALUE = 'half'\n")
            file.flush()
            watched.tool.write_text(importing("from lib.h import VALUE"))
            await told(caplog, WAITS, because="lib/h.py is open in a program that writes it")
            file.write("VALUE = 'whole'\n")
        await watched.serves("whole")
        assert watched.values == ["whole"]


@MODES
async def test_a_file_that_vanishes_for_a_moment_is_not_missed(
    ground: Ground, options: WatchOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deleted, looked at, written again: the tree without it was never meant."""
    monkeypatch.setattr(watch, "HALVED_S", 1.0)
    async with watching(ground, options) as watched:
        text = watched.tool.read_text()
        watched.tool.unlink()
        with anyio.move_on_after(0.3):
            await watched.until(lambda: bool(watched.looks))
        watched.tool.write_text(text + "\n# saved\n")
        await watched.until(lambda: bool(watched.looks))
        assert watched.looks == ["active"]


async def test_a_file_that_is_deleted_for_good_takes_its_tool_with_it(ground: Ground) -> None:
    async with watching(ground, EVENTS_ONLY) as watched:
        other = watched.root / "tools" / "o.py"
        other.write_text(source(1).replace("value", "other"))
        await watched.until(lambda: "other" in ground.serving.tools)
        other.unlink()
        await watched.until(lambda: "other" not in ground.serving.tools)
        assert watched.looks == ["active", "active"]


async def test_a_file_emptied_and_written_a_moment_later_is_one_change(ground: Ground) -> None:
    async with watching(ground, EVENTS_ONLY) as watched:
        with watched.tool.open("w") as file:
            file.flush()
            with anyio.move_on_after(0.15):
                await anyio.Event().wait()
            file.write(source("whole"))
        await watched.serves("whole")
        assert watched.looks == ["active"]


async def test_a_broken_save_is_refused_once_and_its_repair_serves(ground: Ground) -> None:
    async with watching(ground, WITH_POLL) as watched:
        before = ground.value()
        watched.tool.write_text("x = (")
        await watched.until(lambda: watched.looks == ["rejected"])
        assert ground.value() == before
        watched.tool.write_text(source("mended"))
        await watched.serves("mended")
        assert watched.looks == ["rejected", "active"]

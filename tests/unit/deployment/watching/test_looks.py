"""When the watcher looks: as events of the right directories tell, by the clock when there are none, without end."""

import os
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import anyio
import pytest
from watchfiles import awatch

from tests.unit.deployment.grounds import Ground
from tests.unit.deployment.watching.watched import EVENTS_ONLY, WITH_POLL, source, told, watching
from toolcrib.deployment.watching import looks as looks_module
from toolcrib.deployment.watching.looks import looks
from toolcrib.runtime.clock import SystemClock

pytestmark = pytest.mark.anyio
LIMIT = "OS file watch limit reached. about [...] (Error { kind: MaxFilesWatch })"


class Broken:
    """File events that fail: always, or once after so many."""

    def __init__(self, *, after: int | None = None, silently: bool = False) -> None:
        self.begun = 0
        self.after = after
        self.silently = silently

    async def __call__(self, *paths: object, **options: object) -> AsyncIterator[object]:
        self.begun += 1
        if self.after is None:
            raise OSError(LIMIT)
        if self.begun > 1:
            async for changes in awatch(*paths, **options):  # type: ignore[arg-type]  # handed on as they came
                yield changes
        for _ in range(self.after):
            yield set()
        if not self.silently:
            raise RuntimeError("error in underlying watcher")


async def test_without_a_single_watch_left_the_clock_alone_does_it_and_that_is_told_once(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(looks_module, "awatch", Broken())
    monkeypatch.setattr(looks_module, "RETRY_S", 0.2)
    async with watching(ground, WITH_POLL) as watched:
        for value in ("one", "two", "three"):
            watched.tool.write_text(source(value))
            await watched.serves(value)
    (record,) = [record for record in caplog.records if record.name == looks_module.__name__]
    assert record.message == "file events do not work, the clock does"
    assert (record.levelname, record.reason, record.looks_every_s) == ("WARNING", LIMIT, 0.1)  # type: ignore[attr-defined]  # of `extra`
    assert "fs.inotify.max_user_watches" in record.fix  # type: ignore[attr-defined]  # of `extra`


@pytest.mark.parametrize("silently", [True, False], ids=["ends", "fails"])
async def test_events_that_break_off_are_begun_anew(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, silently: bool
) -> None:
    broken = Broken(after=2, silently=silently)
    monkeypatch.setattr(looks_module, "awatch", broken)
    monkeypatch.setattr(looks_module, "RETRY_S", 0.2)
    async with watching(ground, WITH_POLL) as watched:
        await told(caplog, "file events do not work")
        watched.tool.write_text(source("meanwhile"))
        await watched.serves("meanwhile")
        await told(caplog, "file events work again")
        watched.tool.write_text(source("afterwards"))
        await watched.serves("afterwards")
    assert broken.begun == 2


async def test_only_directories_of_the_release_are_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a virtual environment alone may be more than the system allows."""
    for name in ("tools/deep", ".git/objects", ".toolcrib", "node_modules/x", "venv/lib", "__pycache__", "tests"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "venv" / "pyvenv.cfg").touch()
    seen: list[set[str]] = []

    async def watched(*paths: Path, **options: object) -> AsyncIterator[object]:
        seen.append({path.relative_to(tmp_path).as_posix() for path in paths})
        yield set()

    monkeypatch.setattr(looks_module, "awatch", watched)
    async with aclosing(looks(tmp_path, options=WITH_POLL, clock=SystemClock())) as each:
        async for _ in each:
            break
    assert seen == [{".", "tools", "tools/deep"}]


async def test_a_state_directory_that_is_never_quiet_wakes_nobody(tmp_path: Path) -> None:
    state = tmp_path / ".toolcrib"
    state.mkdir()
    looked = 0
    async with anyio.create_task_group() as group:

        async def count() -> None:
            nonlocal looked
            async for _ in looks(tmp_path, options=EVENTS_ONLY, clock=SystemClock()):
                looked += 1
                begun.set()

        begun = anyio.Event()
        group.start_soon(count)
        with anyio.fail_after(10):
            await begun.wait()
        for _ in range(20):
            (state / "toolcrib.db-wal").write_text("x")
            with anyio.move_on_after(0.02):
                await anyio.Event().wait()
        group.cancel_scope.cancel()
    assert looked == 1


async def test_a_directory_that_may_not_be_read_does_not_end_the_watching(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    if os.geteuid() == 0:
        pytest.skip("this user may read everything")
    async with watching(ground, WITH_POLL) as watched:
        shut = watched.root / "lib"
        shut.mkdir(mode=0o000)
        await told(caplog, "project cannot be read")
        shut.chmod(0o700)
        watched.tool.write_text(source("after all"))
        await watched.serves("after all")

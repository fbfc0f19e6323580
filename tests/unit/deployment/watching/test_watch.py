"""The watcher on real files: what is a change, what is not, and what it survives."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from tests.unit.deployment.grounds import Ground, tree
from tests.unit.deployment.watching.watched import EVENTS_ONLY, WITH_POLL, importing, source, told, watching
from toolcrib.core.errors import ProjectInvalid
from toolcrib.deployment.watching.watch import Watcher
from toolcrib.loader import bundle as bundles
from toolcrib.runtime.clock import SystemClock

pytestmark = pytest.mark.anyio


async def test_a_touched_file_is_no_change(ground: Ground) -> None:
    async with watching(ground, EVENTS_ONLY) as watched:
        path = watched.root / "tools" / "t.py"
        path.touch()
        path.write_text(path.read_text())
        (watched.root / "notes.txt").write_text("no part of a release")
        (watched.root / "tools" / "u.py").write_text("")
        await watched.until(lambda: bool(watched.looks))
        assert watched.looks == ["active"]
        assert "tools/u.py" in ground.serving.manifest.files


async def test_a_burst_of_writes_is_few_deployments(ground: Ground) -> None:
    async with watching(ground, EVENTS_ONLY) as watched:
        for number in range(200):
            watched.tool.write_text(source(number))
            await anyio.lowlevel.checkpoint()
        await watched.serves(199)
        assert len(watched.looks) <= 10


def pipe(path: Path) -> None:
    os.mkfifo(path)


def server(path: Path) -> None:
    """A Unix socket."""
    os.mknod(path, stat.S_IFSOCK | 0o600)


def link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


def huge(path: Path) -> None:
    path.touch()
    os.truncate(path, 10 << 30)


def secret(path: Path) -> None:
    path.write_text("x = 1")
    path.chmod(0)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("obstacle", [pipe, server, link_to_itself, huge, secret, device])
async def test_what_cannot_be_read_is_told_once_and_nothing_of_the_tree_serves_until_it_has_gone(
    ground: Ground, caplog: pytest.LogCaptureFixture, obstacle: Callable[[Path], None]
) -> None:
    if obstacle is secret and os.geteuid() == 0:
        pytest.skip("this user may read everything")
    async with watching(ground, WITH_POLL) as watched:
        before, path = ground.value(), watched.root / "tools" / "obstacle.py"
        obstacle(path)
        watched.tool.write_text(source("behind the obstacle"))
        await told(caplog, "project cannot be read")
        assert isinstance(ground.deployer.problem, ProjectInvalid)
        assert [reason.file for reason in ground.deployer.problem.reasons] == ["tools/obstacle.py"]
        await until_looked_again(ground)
        assert ground.value() == before
        path.unlink()
        await watched.serves("behind the obstacle")
    assert [record.message for record in caplog.records].count("project cannot be read") == 1
    assert ground.deployer.problem is None


async def until_looked_again(ground: Ground) -> None:
    """The watcher tells the deployer anew at each look."""
    problem = ground.deployer.unreadable
    with anyio.fail_after(10):
        while ground.deployer.unreadable is problem:
            with anyio.move_on_after(0.01):
                await anyio.Event().wait()


@pytest.mark.parametrize("name", ["data.bin", "README.md", ".hidden.py", "tools/t.py.swp"])
@pytest.mark.parametrize("obstacle", [pipe, server, link_to_itself])
async def test_what_is_no_part_of_a_release_may_be_of_any_kind(
    ground: Ground, obstacle: Callable[[Path], None], name: str
) -> None:
    async with watching(ground, EVENTS_ONLY) as watched:
        obstacle(watched.root / name)
        watched.tool.write_text(source("beside it"))
        await watched.serves("beside it")
        assert watched.looks == ["active"]


async def test_links_to_nothing_and_back_to_where_they_are_change_nothing(ground: Ground) -> None:
    async with watching(ground, EVENTS_ONLY) as watched:
        (watched.root / "tools" / "gone.py").symlink_to("nowhere.py")
        (watched.root / "tools" / "back").symlink_to("..")
        watched.tool.write_text(source("all the same"))
        await watched.serves("all the same")
        assert set(ground.serving.manifest.files) == {"tools/t.py"}


async def test_a_file_that_grew_too_large_for_a_moment_ends_nothing(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with watching(ground, WITH_POLL) as watched:
        with monkeypatch.context() as patch:
            patch.setattr(bundles, "MAX_FILE_BYTES", 1)
            watched.tool.write_text(source("small again"))
            await told(caplog, "project cannot be read")
        await watched.serves("small again")


async def test_a_deployment_that_fails_is_told_and_tried_again(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    async with watching(ground, WITH_POLL) as watched:
        real, failed = ground.store.put, anyio.Event()

        async def put(*args: object, **kwargs: object) -> None:
            if not failed.is_set():
                failed.set()
                raise ConnectionError("the store is away")
            await real(*args, **kwargs)  # type: ignore[arg-type]  # handed on as they came

        ground.store.put = put  # type: ignore[method-assign]  # away once
        watched.tool.write_text(source("in the end"))
        await watched.serves("in the end")
        assert failed.is_set()
        assert "change could not be deployed" in caplog.text


async def test_a_lively_directory_that_is_no_part_of_it_does_not_put_off_the_poll(
    ground: Ground, tmp_path: Path
) -> None:
    """A change no event tells of (here: behind a link) is found although the state directory is never quiet."""
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "s.py").write_text("VALUE = 1")
    async with watching(ground, WITH_POLL) as watched:
        state = watched.root / ".toolcrib"
        state.mkdir()
        (watched.root / "lib").symlink_to(shared)
        watched.tool.write_text(importing("from lib.s import VALUE"))
        await watched.serves(1)
        stop = anyio.Event()

        async def write_without_end() -> None:
            while not stop.is_set():
                (state / "toolcrib.db-wal").write_text("x")
                with anyio.move_on_after(0.02):
                    await stop.wait()

        async with anyio.create_task_group() as group:
            group.start_soon(write_without_end)
            (shared / "s.py").write_text("VALUE = 2")
            await watched.serves(2)
            stop.set()


async def test_cancelling_ends_the_watcher_at_once(ground: Ground) -> None:
    with anyio.fail_after(10):
        async with watching(ground, EVENTS_ONLY):
            pass
    began = anyio.current_time()
    async with watching(ground, EVENTS_ONLY):
        began = anyio.current_time()
    assert anyio.current_time() - began < 1


async def test_a_tree_that_was_rolled_back_from_is_left_alone_until_it_changes(ground: Ground) -> None:
    async with watching(ground, WITH_POLL) as watched:
        watched.tool.write_text(source("new"))
        await watched.serves("new")
        await ground.deployer.rollback(None, actor="test")
        back = ground.value()
        (watched.root / "prompts").mkdir()
        (watched.root / "notes.txt").write_text("x")
        restarted = Watcher(ground.root, options=WITH_POLL, clock=SystemClock(), deployer=ground.deployer)
        async with anyio.create_task_group() as group:
            group.start_soon(restarted.run)
            with anyio.move_on_after(0.3):
                await anyio.Event().wait()
            assert ground.value() == back
            watched.tool.write_text(source("newer"))
            await watched.serves("newer")
            group.cancel_scope.cancel()


async def test_a_tree_changed_before_the_watcher_began_is_deployed(ground: Ground) -> None:
    """Also when another tree was refused at the start: that one is remembered, this one is new."""
    await ground.deploy(tree(0))
    await ground.deploy({**tree(0), "tools/u.py": "x = ("})
    ground.write(tree("mended between"))
    watcher = Watcher(ground.root, options=EVENTS_ONLY, clock=SystemClock(), deployer=ground.deployer)
    async with anyio.create_task_group() as group:
        group.start_soon(watcher.run)
        with anyio.fail_after(5):
            while ground.value() != "mended between":
                await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()

"""The watcher on real files, written the ways editors, shells and git write them."""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from tests.unit.deployment.grounds import Ground, tree
from toolcrib.core.errors import ProjectInvalid
from toolcrib.core.releases import Deployment
from toolcrib.deployment.watch import Watcher, WatchOptions
from toolcrib.loader import bundle as bundles
from toolcrib.loader.bundle import Bundle
from toolcrib.runtime.clock import SystemClock

pytestmark = pytest.mark.anyio

EVENTS_ONLY = WatchOptions(debounce_s=0.02, poll_s=30)
WITH_POLL = WatchOptions(debounce_s=0.02, poll_s=0.1)
POLLING = WatchOptions(debounce_s=0.02, poll_s=0.1, force_polling=True)


@dataclass(slots=True)
class Watched:
    """A ground whose directory is watched; it counts what the watcher has deployed."""

    ground: Ground
    looks: list[str] = field(default_factory=list)
    changed: anyio.Event = field(default_factory=anyio.Event)

    @property
    def root(self) -> Path:
        return self.ground.root

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait until a deployment by the watcher has made it true."""
        with anyio.fail_after(5):
            while not done():
                self.changed = anyio.Event()
                if not done():
                    await self.changed.wait()

    async def serves(self, value: object) -> None:
        await self.until(lambda: self.ground.value() == value)


@asynccontextmanager
async def watching(ground: Ground, options: WatchOptions) -> AsyncIterator[Watched]:
    """The watcher at work, from the moment its directory is watched."""
    await ground.deploy(tree(0))
    watched = Watched(ground)
    real = ground.deployer.deploy_bundle

    async def deploy_bundle(bundle: Bundle, *, actor: str, watch: object = None) -> Deployment:
        deployment = await real(bundle, actor=actor)
        watched.looks.append(deployment.state)
        watched.changed.set()
        return deployment

    ground.deployer.deploy_bundle = deploy_bundle  # type: ignore[method-assign]  # counted, otherwise itself
    watcher = Watcher(ground.root, options=options, clock=SystemClock(), deployer=ground.deployer)
    async with anyio.create_task_group() as group:
        group.start_soon(watcher.run)
        await proof_of_watching(watched)
        yield watched
        group.cancel_scope.cancel()


async def proof_of_watching(watched: Watched) -> None:
    """Until the operating system has the watch, write again and again."""
    with anyio.fail_after(10):
        number = 0
        while not watched.looks:
            number += 1
            (watched.root / "tools" / "t.py").write_text(str(tree(f"start {number}")["tools/t.py"]))
            with anyio.move_on_after(0.2):
                await watched.until(lambda: bool(watched.looks))
    await watched.serves(f"start {number}")
    watched.looks.clear()


def source(value: object) -> str:
    return str(tree(value)["tools/t.py"])


def plain(path: Path, text: str) -> None:
    path.write_text(text)


def replaced(path: Path, text: str) -> None:
    other = path.with_name("t.py.tmp")
    other.write_text(text)
    os.replace(other, path)


def like_vim(path: Path, text: str) -> None:
    swap, backup = path.with_name(".t.py.swp"), path.with_name("t.py~")
    swap.write_text("swap")
    probe = path.with_name("4913")
    probe.write_text("")
    probe.unlink()
    path.rename(backup)
    path.write_text(text)
    backup.unlink()
    swap.unlink()


def deleted_and_written(path: Path, text: str) -> None:
    path.unlink()
    path.write_text(text)


def linked(path: Path, text: str) -> None:
    other = path.with_name("elsewhere.txt")
    other.write_text(text)
    path.unlink()
    os.link(other, path)
    other.unlink()


@pytest.mark.parametrize("save", [plain, replaced, like_vim, deleted_and_written, linked])
@pytest.mark.parametrize("options", [EVENTS_ONLY, POLLING], ids=["events", "polling"])
async def test_a_saved_file_is_deployed_however_it_is_saved(
    ground: Ground, save: Callable[[Path, str], None], options: WatchOptions
) -> None:
    async with watching(ground, options) as watched:
        save(watched.root / "tools" / "t.py", source("saved"))
        await watched.serves("saved")
        save(watched.root / "tools" / "t.py", source("again"))
        await watched.serves("again")


async def test_a_file_emptied_and_written_a_moment_later_is_one_change(ground: Ground) -> None:
    async with watching(ground, EVENTS_ONLY) as watched:
        with (watched.root / "tools" / "t.py").open("w") as file:
            file.flush()
            with anyio.move_on_after(0.15):
                await anyio.Event().wait()
            file.write(source("whole"))
        await watched.serves("whole")
        assert watched.looks == ["active"]


async def test_new_directories_with_files_are_deployed(ground: Ground) -> None:
    async with watching(ground, WITH_POLL) as watched:
        deep = watched.root / "lib" / "very" / "deep"
        deep.mkdir(parents=True)
        (deep / "x.py").write_text("VALUE = 'deep'")
        text = source("").replace("return tool and ''", "from lib.very.deep.x import VALUE\n    return VALUE")
        (watched.root / "tools" / "t.py").write_text(text)
        await watched.serves("deep")


async def test_a_directory_moved_in_out_and_deleted_is_deployed(ground: Ground, tmp_path: Path) -> None:
    other = source(1).replace("value", "other")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "o.py").write_text(other)
    async with watching(ground, EVENTS_ONLY) as watched:

        def names() -> set[str]:
            return set(ground.serving.tools)

        outside.rename(watched.root / "tools" / "more")
        await watched.until(lambda: names() == {"value", "other"})
        (watched.root / "tools" / "more").rename(outside)
        await watched.until(lambda: names() == {"value"})
        shutil.copytree(outside, watched.root / "tools" / "more")
        await watched.until(lambda: names() == {"value", "other"})
        shutil.rmtree(watched.root / "tools" / "more")
        await watched.until(lambda: names() == {"value"})


async def test_a_link_switched_to_another_directory_is_deployed(ground: Ground, tmp_path: Path) -> None:
    for version in ("one", "two"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "t.py").write_text(source(version))
    async with watching(ground, WITH_POLL) as watched:
        shutil.rmtree(watched.root / "tools")
        (watched.root / "tools").symlink_to(tmp_path / "one")
        await watched.serves("one")
        (watched.root / "next").symlink_to(tmp_path / "two")
        os.replace(watched.root / "next", watched.root / "tools")
        await watched.serves("two")


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


async def test_a_checkout_of_a_branch_with_many_files_ends_in_its_tree(ground: Ground) -> None:
    def git(*words: str) -> None:
        identity = ("-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main")
        subprocess.run(["git", *identity, *words], cwd=ground.root, check=True, capture_output=True, timeout=30)

    def fill(name: str) -> None:
        for number in range(30):
            place = ground.root / "lib" / f"m{number}.py"
            place.parent.mkdir(exist_ok=True)
            place.write_text(f"VALUE = '{name}'")
        chain = "\n".join(f"from lib.m{number} import VALUE as v{number}" for number in range(30))
        everything = ", ".join(f"v{number}" for number in range(30))
        text = source("").replace("return tool and ''", f"return sorted({{{everything}}})") + chain
        (ground.root / "tools" / "t.py").write_text(text)
        git("add", "-A")
        git("commit", "-qm", name)

    async with watching(ground, EVENTS_ONLY) as watched:
        git("init", "-q")
        fill("one")
        git("checkout", "-qb", "other")
        fill("two")
        await watched.serves(["two"])
        watched.looks.clear()
        git("checkout", "-q", "main")
        await watched.serves(["one"])
        assert len(watched.looks) <= 3


async def test_a_burst_of_writes_is_few_deployments(ground: Ground) -> None:
    async with watching(ground, EVENTS_ONLY) as watched:
        for number in range(200):
            (watched.root / "tools" / "t.py").write_text(source(number))
            await anyio.lowlevel.checkpoint()
        await watched.serves(199)
        assert len(watched.looks) <= 10


async def test_a_broken_save_is_refused_once_and_its_repair_serves(ground: Ground) -> None:
    async with watching(ground, WITH_POLL) as watched:
        path = watched.root / "tools" / "t.py"
        before = ground.value()
        path.write_text("x = (")
        await watched.until(lambda: watched.looks == ["rejected"])
        assert ground.value() == before
        path.write_text(source("mended"))
        await watched.serves("mended")
        assert watched.looks == ["rejected", "active"]


async def test_a_project_that_cannot_be_read_for_a_while_ends_nothing(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with watching(ground, WITH_POLL) as watched:
        with monkeypatch.context() as patch:
            patch.setattr(bundles, "MAX_FILE_BYTES", 1)
            (watched.root / "tools" / "t.py").write_text(source("small again"))
            with anyio.fail_after(5):
                while "project cannot be read" not in caplog.text:
                    await anyio.lowlevel.checkpoint()
        await watched.serves("small again")
        with pytest.raises(ProjectInvalid):
            bundles.read_bundle(watched.root / "none")


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
        (watched.root / "tools" / "t.py").write_text(source("in the end"))
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
        text = source("").replace("return tool and ''", "from lib.s import VALUE\n    return VALUE")
        (watched.root / "tools" / "t.py").write_text(text)
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
        (watched.root / "tools" / "t.py").write_text(source("new"))
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
            (watched.root / "tools" / "t.py").write_text(source("newer"))
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

"""Many files at once, changed by the programs that do so: git, rsync, Kubernetes, mv."""

import os
import shutil
from pathlib import Path

import anyio
import pytest

from tests.unit.deployment.grounds import Ground
from tests.unit.deployment.watching.watched import EVENTS_ONLY, WITH_POLL, Watched, importing, source, told, watching
from toolcrib.deployment.watching import watch
from toolcrib.runtime.clock import SystemClock

pytestmark = pytest.mark.anyio
IDENTITY = ("-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false")


def fill(root: Path, name: str, count: int) -> None:
    """So many modules that say `name`; the tool gives all that is said."""
    (root / "lib").mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (root / "lib" / f"m{number:03d}.py").write_text(f"VALUE = {name!r}\n")
    chain = "\n".join(f"from lib.m{number:03d} import VALUE as v{number}" for number in range(count))
    everything = ", ".join(f"v{number}" for number in range(count))
    (root / "tools").mkdir(exist_ok=True)
    text = f"{source('')}\n{chain}\nSAID = sorted({{{everything}}})\n".replace("tool and ''", "SAID")
    (root / "tools" / "t.py").write_text(text)


async def run(*command: str, where: Path) -> None:
    """A program at work beside the watcher."""
    await anyio.run_process(command, cwd=where)


async def git(watched: Watched, *words: str) -> None:
    await run("git", *IDENTITY, *words, where=watched.root)


async def two_branches(watched: Watched, count: int) -> None:
    """A repository whose branch `main` says one, and whose branch `other`, which is checked out, says two."""
    await git(watched, "init", "-q")
    for name, branch in (("one", "main"), ("two", "other")):
        await git(watched, "checkout", "-q", "-B", branch)
        fill(watched.root, name, count)
        await git(watched, "add", "-A")
        await git(watched, "commit", "-qm", name)
    await watched.serves(["two"])
    watched.forget()


async def test_a_checkout_of_500_files_is_one_deployment_or_two_and_none_of_a_mixture(ground: Ground) -> None:
    async with watching(ground, EVENTS_ONLY) as watched:
        await two_branches(watched, 500)
        for branch, said in (("main", ["one"]), ("other", ["two"])):
            await git(watched, "checkout", "-q", branch)
            await watched.serves(said)
        assert all(value in (["one"], ["two"]) for value in watched.values)
        assert len(watched.looks) <= 4


async def test_a_checkout_that_halts_in_the_middle_is_waited_for(
    ground: Ground, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow disk, a filter that downloads: here one that waits for the test."""
    monkeypatch.setattr(watch, "TOLD_S", 0.0)
    monkeypatch.setattr(watch, "STALE_S", 60.0)
    gate = tmp_path / "gate"
    async with watching(ground, EVENTS_ONLY) as watched:
        await two_branches(watched, 30)
        smudge = f"case %f in */m015.py) until [ -e '{gate}' ]; do sleep 0.01; done;; esac; cat"
        await git(watched, "config", "filter.slow.smudge", smudge)
        (watched.root / ".git" / "info" / "attributes").write_text("*.py filter=slow\n")
        async with anyio.create_task_group() as group:
            group.start_soon(git, watched, "checkout", "-q", "main")
            await told(caplog, "waits until nobody is at work", because="index.lock")
            assert (watched.root / "lib" / "m000.py").read_text() == "VALUE = 'one'\n"
            assert (watched.root / "lib" / "m029.py").read_text() == "VALUE = 'two'\n"
            assert watched.looks == []
            gate.touch()
        await watched.serves(["one"])
        assert watched.values == [["one"]]


async def test_a_lock_that_git_left_behind_does_not_hold_up_changes_for_ever(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "STALE_S", 0.1)
    async with watching(ground, EVENTS_ONLY) as watched:
        await git(watched, "init", "-q")
        (watched.root / ".git" / "index.lock").touch()
        watched.tool.write_text(source("in spite of it"))
        await watched.serves("in spite of it")
        assert watched.looks == ["active"]


async def test_a_stash_takes_all_changes_away_and_brings_them_back(ground: Ground) -> None:
    async with watching(ground, EVENTS_ONLY) as watched:
        await two_branches(watched, 30)
        fill(watched.root, "three", 30)
        await watched.serves(["three"])
        await git(watched, "stash", "-q")
        await watched.serves(["two"])
        await git(watched, "stash", "pop", "-q")
        await watched.serves(["three"])
        assert [value for value in watched.values if len(value) > 1] == []
        assert len(watched.looks) <= 5


@pytest.mark.skipif(shutil.which("rsync") is None, reason="there is no rsync here")
@pytest.mark.parametrize("way", ["--whole-file", "--inplace"])
async def test_a_tree_sent_by_rsync_is_deployed_as_it_was_sent(ground: Ground, tmp_path: Path, way: str) -> None:
    async with watching(ground, EVENTS_ONLY) as watched:
        for name in ("one", "two"):
            fill(tmp_path / name, name, 100)
            command = ("rsync", "-r", "--checksum", "--delete", "--exclude=.*", way, f"{tmp_path / name}/", ".")
            await run(*command, where=watched.root)
            await watched.serves([name])
        assert watched.values == [["one"], ["two"]]


class Sleeps(SystemClock):
    """The system's clock, and how long it was slept."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)
        await super().sleep(seconds)


async def test_the_more_files_change_the_longer_they_must_be_quiet(ground: Ground) -> None:
    """Who changes many files does so one by one, and may pause."""
    clock = Sleeps()
    async with watching(ground, EVENTS_ONLY, clock) as watched:
        (watched.root / "prompts").mkdir()
        for count, quiet_s in ((1, 0.02), (10, 0.2), (100, 0.5)):
            clock.asked.clear()
            for number in range(count):
                (watched.root / "prompts" / f"{number}.md").write_text(f"{count}")
            await watched.until(lambda count=count: ground.serving.prompts.get("prompts/0.md") == f"{count}")  # type: ignore[misc]  # bound early
            await watched.serves(ground.value())
            assert max(clock.asked) == pytest.approx(quiet_s)


async def test_a_configmap_switched_by_kubernetes_is_one_deployment(ground: Ground) -> None:
    async with watching(ground, EVENTS_ONLY) as watched:
        for version in ("1", "2", "3"):
            fill(watched.root / f"..v{version}", version, 10)
        for name in ("tools", "lib"):
            shutil.rmtree(watched.root / name, ignore_errors=True)
            (watched.root / name).symlink_to(f"..data/{name}")
        for version in ("1", "2", "3"):
            (watched.root / "..data_tmp").symlink_to(f"..v{version}")
            os.replace(watched.root / "..data_tmp", watched.root / "..data")
            await watched.serves([version])
        assert watched.values[-3:] == [["1"], ["2"], ["3"]]


async def test_another_directory_moved_to_the_projects_place_is_deployed_and_watched(
    ground: Ground, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    fill(other, "other", 10)
    async with watching(ground, EVENTS_ONLY) as watched:
        watched.root.rename(tmp_path / "away")
        other.rename(watched.root)
        await watched.serves(["other"])
        fill(watched.root, "changed", 10)
        await watched.serves(["changed"])
        fill(tmp_path / "away", "no longer the project", 3)
        assert watched.values == [["other"], ["changed"]]


async def test_a_project_that_is_away_for_a_while_is_told_of_and_found_again(
    ground: Ground, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with watching(ground, WITH_POLL) as watched:
        before = ground.value()
        watched.root.rename(tmp_path / "away")
        await told(caplog, "project cannot be read")
        assert ground.value() == before
        assert "is not a directory" in str(ground.deployer.problem)
        (tmp_path / "away").rename(watched.root)
        watched.tool.write_text(source("back"))
        await watched.serves("back")
        await until_readable(watched)
        assert [record.message for record in caplog.records] == ["project cannot be read"]


async def until_readable(watched: Watched) -> None:
    with anyio.fail_after(10):
        while watched.ground.deployer.problem:
            with anyio.move_on_after(0.01):
                await anyio.Event().wait()


async def test_a_link_switched_to_another_directory_is_deployed_and_what_it_leads_to_is_watched(
    ground: Ground, tmp_path: Path
) -> None:
    for version in ("one", "two"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "t.py").write_text(source(version))
    async with watching(ground, EVENTS_ONLY) as watched:
        shutil.rmtree(watched.root / "tools")
        (watched.root / "tools").symlink_to(tmp_path / "one")
        await watched.serves("one")
        (watched.root / "next").symlink_to(tmp_path / "two")
        os.replace(watched.root / "next", watched.root / "tools")
        await watched.serves("two")
        (tmp_path / "two" / "t.py").write_text(source("written outside"))
        await watched.serves("written outside")


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


async def test_new_directories_with_files_are_deployed(ground: Ground) -> None:
    async with watching(ground, EVENTS_ONLY) as watched:
        deep = watched.root / "lib" / "very" / "deep"
        deep.mkdir(parents=True)
        (deep / "x.py").write_text("VALUE = 'deep'")
        watched.tool.write_text(importing("from lib.very.deep.x import VALUE"))
        await watched.serves("deep")
        (deep / "x.py").write_text("VALUE = 'deeper'")
        await watched.serves("deeper")

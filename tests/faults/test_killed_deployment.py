"""A process is killed around every write of a deployment: what serves and what the history tells stay one."""

import hashlib
import multiprocessing
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.dying_deployment import STEPS, opened, prepare, run
from tests.unit.deployment.grounds import Ground
from toolcrib.core.errors import NotFound
from toolcrib.core.releases import Channel

pytestmark = pytest.mark.anyio
MOST_MOMENTS = 60
PATIENCE_S = 60
SERVING = {"active", "canary"}
PROJECT = "project"


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a store says: who sees what, and the newest deployments."""

    channel: Channel
    history: tuple[tuple[str, str, int], ...]


async def told(ground: Ground) -> Told:
    history = await ground.store.history(100)
    lines = tuple((one.state, one.release, one.generation) for one in history)
    return Told(channel=await ground.store.channel(), history=lines)


@pytest.fixture(scope="module")
async def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("before") / PROJECT
    root.mkdir()
    await prepare(root)
    return root


def killed(root: Path, step: str, moment: int) -> bool:
    """Take the step in a process of its own; whether it was killed on the way."""
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(["tests.faults.dying_deployment"])
    process = forks.Process(target=run, args=(root, step, moment))
    process.start()
    process.join(PATIENCE_S)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


@pytest.mark.parametrize("step", STEPS)
async def test_a_process_killed_around_any_write_leaves_what_was_or_what_is_to_be(
    before: Path, tmp_path: Path, step: str
) -> None:
    whole = tmp_path / "whole" / PROJECT
    shutil.copytree(before, whole)
    async with opened(whole) as (ground, _):
        start = await told(ground)
    assert not killed(whole, step, 0)
    async with opened(whole) as (ground, _):
        end = await told(ground)
    assert len(end.history) == len(start.history) + 1
    seen: list[str] = []
    for moment in range(1, MOST_MOMENTS):
        root = tmp_path / str(moment) / PROJECT
        shutil.copytree(before, root)
        if not killed(root, step, moment):
            assert {"before", "after"} <= set(seen), "no write was met"
            return
        async with opened(root) as (ground, _):
            found = await told(ground)
            assert found in (start, end) or _alike(found, end), (moment, found)
            seen.append("before" if found == start else "after")
            await _whole(ground, found.channel)
            await _repeated(ground, step, end)
    pytest.fail("more moments than expected")


def _alike(found: Told, end: Told) -> bool:
    """Whether it is the end, but for the times at which a canary began."""
    return found.history == end.history and found.channel.to_dict() | {"canary": 0} == end.channel.to_dict() | {
        "canary": 0
    }


async def _whole(ground: Ground, channel: Channel) -> None:
    """Every release is whole, those that serve are marked so and no others, and a restart serves them."""
    for stored in await ground.store.releases():
        contents = await ground.store.contents(stored.manifest.digest)
        assert {path: hashlib.sha256(data).hexdigest() for path, data in contents.items()} == stored.manifest.files
        assert (stored.state in SERVING) == (stored.manifest.digest in channel.serving), stored.state
    assert ground.registry.generation == channel.generation
    assert ground.serving.digest == channel.digest
    assert isinstance(ground.value(), int)
    split = ground.registry.current.split
    canary = split.canary.digest if split and split.canary else None
    assert canary == (channel.canary.digest if channel.canary else None)
    assert {tenant: held.digest for tenant, held in (split.held if split else {}).items()} == channel.held


async def _repeated(ground: Ground, step: str, end: Told) -> None:
    """The same can be asked for again, and comes to what it would have come to."""
    try:
        await STEPS[step](ground)
    except NotFound:
        assert step == "promote", "the canary serves all already"
    found = await told(ground)
    if step == "withdraw" and not found.channel.canary:
        return  # the second one goes one further back
    assert found.channel.to_dict() == end.channel.to_dict() | {"canary": found.channel.to_dict()["canary"]}
    assert (found.channel.canary and found.channel.canary.percent) == (
        end.channel.canary and end.channel.canary.percent
    )
    assert found.channel.seen_tree == end.channel.seen_tree
    assert end.history[0][:2] in {line[:2] for line in found.history}

"""The spine's promise, counted: edits of all kinds under running clients, and nothing fails, mixes or gets lost."""

import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

import toolcrib
from tests.integration.storm.project import StormProject
from toolcrib.core.events import Deployed, Event
from toolcrib.core.results import RunResult
from toolcrib.runtime.crib import Crib

pytestmark = pytest.mark.anyio

EDITS = 200
CLIENTS = 8
GOOD = ("plain_write", "two_step_write", "atomic_rename", "move_directory_in", "delete", "git_checkout")
BROKEN = ("break_syntax", "break_import")


@pytest.mark.timeout(300)
async def test_two_hundred_edits_under_eight_clients_fail_mix_and_lose_nothing(tmp_path: Path) -> None:
    project = StormProject(tmp_path / "project")
    results: list[RunResult] = []
    async with toolcrib.open(project.root, watch=True) as crib:
        stop = anyio.Event()
        async with anyio.create_task_group() as clients:
            for _ in range(CLIENTS):
                clients.start_soon(_client, crib, stop, results)
            live = await _edit(crib, project)
            stop.set()
        ledger = await crib.ledger()
        torn = [run.output["seen"] for run in results if run.success and len(set(run.output["seen"])) != 1]
        assert live == {
            "good": live["good"],
            "live": live["good"],
            "broken": live["broken"],
            "rejected": live["broken"],
        }
        assert live["good"] + live["broken"] == EDITS
        assert [run.error for run in results if not run.success] == []
        assert torn == []
        assert len(results) >= 3 * CLIENTS
        assert (ledger.started, ledger.finished, ledger.failed, ledger.mixed) == (len(results), len(results), 0, 0)
        assert len({run.release for run in results}) > 10, "the runs must have met many releases"


async def _client(crib: Crib, stop: anyio.Event, results: list[RunResult]) -> None:
    while not stop.is_set():
        with anyio.fail_after(30):
            results.append(await crib.run("storm", {}))


async def _edit(crib: Crib, project: StormProject) -> Counter[str]:
    """Make the edits, each as soon as the one before is decided on; count what was expected and what came of it."""
    chance = random.Random(20261121)
    events = crib.events()
    count: Counter[str] = Counter()
    for number in range(1, EDITS + 1):
        broken = chance.random() < 0.25
        kind = chance.choice(BROKEN if broken else GOOD)
        await anyio.to_thread.run_sync(getattr(project, kind), number)
        with anyio.fail_after(30):
            if broken:
                count["broken"] += 1
                count["rejected"] += await _next_state(events, "rejected")
            else:
                count["good"] += 1
                count["live"] += await _becomes_live(crib, events, number)
    return count


async def _next_state(events: AsyncIterator[Event], state: str) -> bool:
    async for event in events:
        if isinstance(event, Deployed) and event.deployment.state == state:
            return True
    return False


async def _becomes_live(crib: Crib, events: AsyncIterator[Event], number: int) -> bool:
    """Follow the deployments until a new call answers with the new number."""
    while (await crib.call("first")).value != number:
        await _next_state(events, "active")
    return True

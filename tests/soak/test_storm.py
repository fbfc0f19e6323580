"""A thousand deployments of every kind under sixteen clients: nothing is dropped, mixed, lost or left behind."""

import json
import os
import sys
from pathlib import Path
from statistics import median

import pytest

import toolcrib
from tests.integration.storm.rollout import RolloutStorm
from tests.soak.gauges import Holdings

pytestmark = [pytest.mark.anyio, pytest.mark.soak]

DEPLOYMENTS = int(os.environ.get("TOOLCRIB_SOAK_DEPLOYMENTS", "1000"))
CLIENTS = 16
MOST_OFF_MB = 20


@pytest.mark.timeout(3600)
async def test_a_thousand_deployments_under_sixteen_clients(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    RolloutStorm.write(tmp_path)
    held: list[Holdings] = []

    def look(done: int) -> None:
        if done % (DEPLOYMENTS // 10) == 0:
            held.append(Holdings.now())
            tell({"deployments": done, **storm.count, **held[-1].to_dict()})

    def tell(figures: dict[str, object]) -> None:
        with capsys.disabled():
            sys.stdout.write(f"{json.dumps(figures)}\n")

    alone = Holdings.now()
    async with toolcrib.open(tmp_path) as crib:
        storm = RolloutStorm(crib=crib, seed=20261121, shortest_s=0.2, longest_s=3.0)
        await storm.blow(30, clients=CLIENTS)
        before = Holdings.now()
        await storm.blow(DEPLOYMENTS, clients=CLIENTS, every=look)
        ledger, after = await crib.ledger(), Holdings.now()
    left = Holdings.now()
    tell({"before": before.to_dict(), "after": after.to_dict(), "closed": left.to_dict()})
    turns = storm.count["turns"] + storm.count["answers"]
    assert storm.broken == []
    assert (ledger.started, ledger.failed, ledger.running, ledger.mixed) == (turns, 0, 0, 0)
    memory = [one.resident_mb for one in held[len(held) // 5 :]]
    middle = median(memory)  # what is in memory at the moment of a look differs: releases, runs, SQLite's page caches
    assert max(abs(one - middle) for one in memory) <= MOST_OFF_MB
    assert after.resident_mb - middle <= MOST_OFF_MB
    assert after.tasks <= before.tasks
    assert after.children <= before.children
    assert after.threads - before.threads <= 8, "pools grow to their size when they are needed"
    assert after.files - before.files <= 4
    assert (left.tasks, left.children, left.modules) == (alone.tasks, alone.children, 0)

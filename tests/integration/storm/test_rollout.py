"""Deployments, canaries, roll-backs and tenants at random under clients: the short form of the soak test."""

import gc
from pathlib import Path

import pytest

import toolcrib
from tests.integration.storm.rollout import RolloutStorm
from toolcrib.registry.release import Release

pytestmark = pytest.mark.anyio


@pytest.mark.timeout(180)
async def test_deployments_of_every_kind_break_no_run_and_lose_no_answer(tmp_path: Path) -> None:
    RolloutStorm.write(tmp_path)
    others = [one for one in gc.get_objects() if type(one) is Release]  # of tests before, kept here, and so their ids
    known = {id(one) for one in others}
    async with toolcrib.open(tmp_path) as crib:
        storm = RolloutStorm(crib=crib, seed=20261121, shortest_s=0.0, longest_s=0.3)
        await storm.blow(60, clients=6)
        ledger = await crib.ledger()
        await crib._wings.deployer.sweep(keep=0)
        gc.collect()
        living = {one.id for one in gc.get_objects() if type(one) is Release and id(one) not in known}
        assert living == {one.id for one in crib._wings.registry.residents()}, "no run, timer or trace keeps a release"
    assert storm.broken == []
    turns, answers = storm.count["turns"], storm.count["answers"]
    assert (ledger.started, ledger.failed, ledger.running, ledger.mixed) == (turns + answers, 0, 0, 0)
    assert {"active", "rejected", "canary", "rolled_back", "held", "migrated"} <= storm.count.keys(), storm.count
    assert answers > 10

"""What needs a restart: told when it changes, in every deployment until then, and never against one."""

from pathlib import Path

import pytest

from tests.unit.deployment.grounds import Ground, tree
from toolcrib.core.events import Event, RestartNeeded
from toolcrib.core.releases import ColdChange
from toolcrib.deployment.boundary import Boundary
from toolcrib.loader.cold.facts import Facts
from toolcrib.testing import RecordingEvents

pytestmark = pytest.mark.anyio
PORT = ColdChange(kind="settings", file="toolcrib.yaml", items=("server.port",))
ENV = ColdChange(kind="environment", file=".env")


async def test_a_change_of_the_answer_is_told_once(tmp_path: Path) -> None:
    started: Facts = {("settings", "toolcrib.yaml", "server.port"): "1"}
    now: Facts = started
    before: list[Facts] = []

    def read(known: Facts) -> Facts:
        before.append(known)
        return now

    events = RecordingEvents()
    boundary = Boundary(read=read, started=started, events=events)
    assert not await boundary.look()
    assert events.events == []
    now = {("settings", "toolcrib.yaml", "server.port"): "2"}
    assert await boundary.look() == boundary.needed == (PORT,)
    await boundary.look()
    now = {**now, ("environment", ".env", ""): "3"}
    assert await boundary.look() == (ENV, PORT)
    now = started
    assert await boundary.look() == ()
    told: list[Event] = [RestartNeeded(changes=changes) for changes in ((PORT,), (ENV, PORT), ())]
    assert events.events == told
    assert before[-1] == {("settings", "toolcrib.yaml", "server.port"): "2", ("environment", ".env", ""): "3"}


async def test_every_deployment_says_what_needs_a_restart_and_none_is_rejected_for_it(ground: Ground) -> None:
    assert (await ground.deploy(tree(1))).restart_needed == ()
    ground.restart_needed = (PORT,)
    for files, state in (
        (tree(2), "active"),
        (tree(2), "unchanged"),
        ({"tools/t.py": "x = ("}, "rejected"),
        (tree(3), "active"),
    ):
        deployment = await ground.deploy(files)
        assert (deployment.state, deployment.restart_needed) == (state, (PORT,))
    assert (await ground.deployer.rollback(None, actor="test")).restart_needed == (PORT,)


async def test_a_tree_that_is_rejected_again_says_what_needs_a_restart_by_now(ground: Ground) -> None:
    await ground.deploy(tree(1))
    await ground.deploy({"tools/t.py": "x = ("})
    ground.restart_needed = (ENV,)
    again = await ground.deploy({"tools/t.py": "x = ("})
    assert (again.state, again.restart_needed) == ("rejected", (ENV,))

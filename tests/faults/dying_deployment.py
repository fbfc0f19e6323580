"""A change of what serves, in a process that is killed at its n-th moment; for `test_killed_deployment`.

A moment is the time before a statement of the project's database that writes, before a commit, and behind it: what is
behind a statement is before the next one, or before the commit.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.unit.deployment.grounds import Ground, tree
from tests.unit.loader.projects import bundle_of
from toolcrib.core.releases import Deployment
from toolcrib.deployment.ports import Plan
from toolcrib.stores.sql.database import open_sqlite
from toolcrib.stores.sql.releases import SqlReleaseStore

WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")
FRESH, CANARY, FIRST = 9, 5, 0
Step = Callable[[Ground], Awaitable[Deployment]]


async def _first(ground: Ground) -> str:
    """Id of the release that was deployed first; it has left memory."""
    return min(await ground.store.releases(), key=lambda one: one.at).manifest.release


async def _back_far(ground: Ground) -> Deployment:
    return await ground.deployer.rollback(await _first(ground), actor="test")


async def _held(ground: Ground) -> Deployment:
    return await ground.deployer.hold("acme", await _first(ground), actor="test")


async def _deploy(ground: Ground, number: int, plan: Plan, **more: str) -> Deployment:
    ground.write({**tree(number), **more})
    return await ground.deployer.deploy(ground.root, actor="test", plan=plan)


STEPS: Mapping[str, Step] = MappingProxyType(
    {
        "deploy": lambda ground: _deploy(ground, FRESH, Plan()),
        "canary": lambda ground: _deploy(ground, FRESH, Plan(to="canary", percent=10)),
        "inactive": lambda ground: _deploy(ground, FRESH, Plan(to="nobody")),
        "reject": lambda ground: _deploy(ground, FRESH, Plan(), **{"tools/u.py": "x = ("}),
        "upload": lambda ground: ground.deployer.upload(bundle_of(tree(FRESH)), actor="test"),
        "adjust": lambda ground: ground.deployer.adjust(Plan(to="canary", percent=50), actor="test"),
        "promote": lambda ground: ground.deployer.promote(actor="test"),
        "withdraw": lambda ground: ground.deployer.rollback(None, actor="test"),
        "rollback": _back_far,
        "hold": _held,
        "unhold": lambda ground: ground.deployer.hold("beta", None, actor="test"),
    }
)


@asynccontextmanager
async def opened(root: Path) -> AsyncIterator[tuple[Ground, AsyncEngine]]:
    """The project at `root` as a process that begins sees it."""
    async with open_sqlite(root / ".toolcrib" / "db") as engine:
        ground = Ground(root=root, store=SqlReleaseStore(engine))
        await ground.deployer.restore()
        try:
            yield ground, engine
        finally:
            ground.pool.sweep([])


async def prepare(root: Path) -> None:
    """Four releases that served, one that serves a part, a tenant that is held; the first has left memory."""
    async with opened(root) as (ground, _):
        for number in range(4):
            await ground.deploy(tree(number))
        await ground.deployer.hold("beta", await _first(ground), actor="test")
        await _deploy(ground, CANARY, Plan(to="canary", percent=20))


def die_at(engine: AsyncEngine, moment: int) -> None:
    """Kill this process at so many moments from now."""
    passed = 0

    def pass_moment() -> None:
        nonlocal passed
        passed += 1
        if passed == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    def at_statement(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.lstrip().upper().startswith(WRITES):
            connection.info["wrote"] = True
            pass_moment()

    def before_commit(connection: Any) -> None:
        if connection.info.get("wrote"):
            pass_moment()

    def behind_commit(_: Any, record: Any) -> None:
        if record.info.pop("wrote", False):
            pass_moment()

    event.listen(engine.sync_engine, "before_cursor_execute", at_statement)
    event.listen(engine.sync_engine, "commit", before_commit)
    event.listen(engine.sync_engine, "checkin", behind_commit)


def run(root: Path, step: str, moment: int) -> None:
    """The process: take the step, and die on the way."""

    async def work() -> None:
        async with opened(root) as (ground, engine):
            die_at(engine, moment)
            await STEPS[step](ground)

    asyncio.run(work())

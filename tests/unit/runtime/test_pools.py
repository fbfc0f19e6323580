"""The pools of an open project: sized by `toolcrib.yaml`, looked after while it is open."""

import re
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

import toolcrib
from toolcrib import Crib

pytestmark = pytest.mark.anyio
TOOLS = '''
from toolcrib import tool

@tool(side_effect="none")
def in_thread() -> int:
    """In a thread."""
    return 1

@tool(side_effect="none", isolation="process")
def in_process() -> int:
    """In a worker process."""
    return 1
'''
SETTINGS = """
threads: {min_workers: 0, idle_s: 0.1}
processes: {workers: auto, min_workers: 0, idle_s: 0.1}
"""


async def told(crib: Crib, name: str) -> dict[str, float]:
    found = re.findall(
        rf'^toolcrib_pool_{name}{{pool="(\w+)"}} ([\d.]+)$', (await crib.metrics()).decode(), re.MULTILINE
    )
    return {pool: float(value) for pool, value in found}


async def test_idle_workers_of_an_open_project_end_and_come_again_when_they_are_needed(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "work.py").write_text(TOOLS)
    (tmp_path / "toolcrib.yaml").write_text(SETTINGS)
    async with toolcrib.open(tmp_path) as crib:
        for name in ("in_thread", "in_process"):
            assert (await crib.call(name)).value == 1
        with anyio.fail_after(60):
            while await told(crib, "size") != {"threads": 0, "processes": 0}:
                await anyio.lowlevel.checkpoint()
        started = await told(crib, "started_total")
        assert await told(crib, "ended_total") == started
        assert min(started.values()) >= 1
        for name in ("in_thread", "in_process"):
            assert (await crib.call(name)).value == 1
        assert (await told(crib, "started_total"))["processes"] > started["processes"]

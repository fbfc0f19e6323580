"""Releases in a row, as a long-lived developer's machine sees them: neither memory nor time grows with their number."""

import json
import os
import statistics
import sys
import time
from pathlib import Path

import pytest

import toolcrib
from tests.integration.storm.project import StormProject
from tests.soak.gauges import Holdings

pytestmark = [pytest.mark.anyio, pytest.mark.soak]

RELEASES = int(os.environ.get("TOOLCRIB_SOAK_RELEASES", "10000"))
ROWS = 10
MOST_GROWTH_MB = 20
MOST_SLOWER = 1.5


@pytest.mark.timeout(7200)
async def test_ten_thousand_releases_cost_the_same_memory_and_time_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = StormProject(tmp_path / "project")
    rows = []
    async with toolcrib.open(project.root) as crib:
        for row in range(ROWS):
            took = [await _one(crib, project, row * (RELEASES // ROWS) + n + 1) for n in range(RELEASES // ROWS)]
            rows.append(
                {
                    "releases": (row + 1) * (RELEASES // ROWS),
                    "median_ms": round(statistics.median(took) * 1e3, 1),
                    "p95_ms": round(statistics.quantiles(took, n=20)[-1] * 1e3, 1),
                    "database_mb": round((project.root / ".toolcrib" / "toolcrib.db").stat().st_size / (1 << 20), 1),
                    **Holdings.now().to_dict(),
                }
            )
            with capsys.disabled():
                sys.stdout.write(f"{json.dumps(rows[-1])}\n")
    warm, last = rows[1], rows[-1]
    assert last["resident_mb"] - warm["resident_mb"] <= MOST_GROWTH_MB
    assert last["median_ms"] <= warm["median_ms"] * MOST_SLOWER
    for what in ("modules", "threads", "tasks", "children", "files"):
        assert last[what] <= warm[what] + 2, what


async def _one(crib: toolcrib.Crib, project: StormProject, number: int) -> float:
    """Edit, deploy, call; how long the deployment took, in seconds."""
    project.plain_write(number)
    began = time.perf_counter()
    deployment = await crib.deploy()
    took = time.perf_counter() - began
    assert deployment.state == "active"
    assert (await crib.call("second")).value == number
    return took

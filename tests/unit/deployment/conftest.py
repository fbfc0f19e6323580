"""Grounds that leave nothing in memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.deployment.grounds import Ground


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    root = tmp_path / "project"
    root.mkdir()
    found = Ground(root=root)
    yield found
    found.pool.sweep([])

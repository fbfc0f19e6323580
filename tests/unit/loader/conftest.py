"""A project that leaves nothing behind in the process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.loader.projects import Project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    found = Project(str(tmp_path))
    yield found
    found.pool.sweep([])

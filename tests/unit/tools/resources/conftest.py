"""A stock whose pool is closed in the end."""

from collections.abc import AsyncIterator

import pytest

from tests.unit.tools.resources.stock import Stock


@pytest.fixture
async def stock() -> AsyncIterator[Stock]:
    found = Stock()
    yield found
    await found.pool.close()

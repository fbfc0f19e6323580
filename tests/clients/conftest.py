"""The scripted peer that models are asked of."""

from collections.abc import AsyncIterator

import pytest

from tests.clients.openai_peer import Peer, open_peer


@pytest.fixture(scope="module")
async def peer() -> AsyncIterator[Peer]:
    async with open_peer() as found:
        yield found

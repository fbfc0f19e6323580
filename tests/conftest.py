"""What every test shares."""

import logging
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)  # the machine may be busy
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Asynchronous tests (`pytestmark = pytest.mark.anyio`) run on asyncio, the loop the product runs on."""
    return "asyncio"


@pytest.fixture
def loggers_as_they_were() -> Iterator[None]:
    """For tests that set up logs as a process does: all loggers are as before when the test is over."""
    before = {one: (one.level, one.handlers[:]) for one in _loggers()}
    yield
    for one in _loggers():
        level, handlers = before.get(one, (logging.NOTSET, []))
        one.setLevel(level)
        one.handlers[:] = handlers


def _loggers() -> list[logging.Logger]:
    named = logging.root.manager.loggerDict.values()
    return [logging.root, *(one for one in named if isinstance(one, logging.Logger))]

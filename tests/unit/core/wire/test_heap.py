"""Freed memory goes back to the system."""

import ctypes

import pytest

from toolcrib.core.wire.heap import give_back
from toolcrib.stores.memory.use import process_reader

MANY, BYTES = 10_000, 4_000


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this C library has no malloc_trim")
def test_what_was_freed_below_something_that_stays_is_given_back() -> None:
    resident_mb = process_reader()
    blocks = [b"x" * BYTES for _ in range(MANY)]
    stays, full = blocks[-1], resident_mb()
    del blocks
    give_back()
    assert stays
    assert full - resident_mb() > MANY * BYTES / 2**20 / 2

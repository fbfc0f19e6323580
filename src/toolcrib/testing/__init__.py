"""Fakes of the ports, for the tests of those who build on toolcrib."""

from toolcrib.testing.chance import CountingIds, FakeRandom
from toolcrib.testing.clock import FakeClock
from toolcrib.testing.events import RecordingEvents
from toolcrib.testing.tools import make_tool

__all__ = [
    "CountingIds",
    "FakeClock",
    "FakeRandom",
    "RecordingEvents",
    "make_tool",
]

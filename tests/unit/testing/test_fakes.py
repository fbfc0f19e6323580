"""The shipped fakes keep the promises of the ports they stand for."""

import asyncio
import inspect
from uuid import UUID

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

import toolcrib.testing
from toolcrib.core.calls import ToolContext
from toolcrib.core.errors import ArgumentsInvalid
from toolcrib.core.events import ReleaseRetired, RunStarted
from toolcrib.core.ports import Clock, EventSink, IdFactory, Random
from toolcrib.testing import CountingIds, FakeClock, FakeRandom, RecordingEvents, make_tool

pytestmark = pytest.mark.anyio
CONTEXT = ToolContext(tool="t", call_id="c", release="r")


def test_the_fakes_are_what_the_ports_ask_for() -> None:
    ports: tuple[Clock, Random, IdFactory, EventSink] = (FakeClock(), FakeRandom(), CountingIds(), RecordingEvents())
    assert len(ports) == 4


def test_every_name_of_the_kit_is_handed_on_in_order_and_explained() -> None:
    names = toolcrib.testing.__all__
    assert names == sorted(names)
    assert all(inspect.getdoc(getattr(toolcrib.testing, name)) for name in names)


async def test_time_stands_still_until_it_is_told_to_pass() -> None:
    clock = FakeClock(monotonic=5.0, now=100.0)
    assert (clock.monotonic(), clock.monotonic(), clock.now()) == (5.0, 5.0, 100.0)
    clock.advance(2.5)
    await clock.sleep(1.5)
    await clock.sleep(-1.0)
    assert (clock.monotonic(), clock.now(), clock.sleeps) == (9.0, 104.0, [1.5, -1.0])
    clock.at_now = 3.0
    assert (clock.monotonic(), clock.now()) == (9.0, 3.0)


async def test_a_loop_that_sleeps_on_a_fake_clock_can_be_cancelled() -> None:
    clock = FakeClock()

    async def forever() -> None:
        while True:
            await clock.sleep(3_600)

    with anyio.fail_after(5):
        task = asyncio.ensure_future(forever())
        await clock.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@given(st.lists(st.floats(0, 1), max_size=3), st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_draws_lie_between_their_bounds(fractions: list[float], low: float, width: float) -> None:
    random = FakeRandom(*fractions)
    for _ in range(5):
        assert low <= random.uniform(low, low + width) <= low + width + 1e-6


def test_draws_come_in_the_order_given_and_then_again() -> None:
    random = FakeRandom(0.0, 0.5)
    assert [random.uniform(0, 10) for _ in range(3)] == [0.0, 5.0, 0.0]
    assert random.drawn == [(0, 10)] * 3
    assert FakeRandom().uniform(2, 3) == 3


def test_ids_are_fresh_uuids_sorted_by_time() -> None:
    ids = CountingIds()
    made = [ids.new() for _ in range(20)]
    assert made == sorted(set(made))
    assert all(str(UUID(one)) == one for one in made)
    assert {UUID(one).version for one in made} == {7}


def test_events_are_kept_and_can_be_asked_for_by_kind() -> None:
    events = RecordingEvents()
    first, second = ReleaseRetired(release="a"), RunStarted(run_id="1", thread_id="t", agent="a", release="a")
    events.emit(first)
    events.emit(second)
    assert events.wants(ReleaseRetired)
    assert events.of(ReleaseRetired) == [first]
    assert events.names() == ["release.retired", "run.started"]
    assert not RecordingEvents(active=False).wants(RunStarted)


async def test_a_function_becomes_a_tool_with_its_policy() -> None:
    async def greet(who: str, context: ToolContext, *, loud: bool = False) -> tuple[str, bool, ToolContext]:
        """Greet.

        Politely.
        """
        return who, loud, context

    tool = make_tool(greet, timeout_s=3, name="hello")
    assert (tool.name, tool.spec.description, tool.spec.policy.timeout_s) == ("hello", "Greet.", 3)
    assert (tool.is_async, set(tool.injects)) == (True, {"context"})
    assert list(tool.spec.args_schema["properties"]) == ["who", "loud"]
    assert tool.spec.args_schema["required"] == ["who"]
    assert await tool.run(tool.validate({"who": "ada"}), CONTEXT) == ("ada", False, CONTEXT)


@pytest.mark.parametrize(
    ("args", "wrong"), [({}, "who"), ({"who": "ada", "why": 1}, "why"), ({"context": 1}, "context, who")]
)
def test_such_a_tool_refuses_arguments_it_does_not_take(args: dict[str, object], wrong: str) -> None:
    def greet(who: str, context: ToolContext) -> None: ...

    tool = make_tool(greet)
    assert not tool.is_async
    with pytest.raises(ArgumentsInvalid, match=f"'greet': {wrong}"):
        tool.validate(args)

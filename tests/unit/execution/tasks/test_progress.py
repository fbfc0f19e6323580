"""What a running tool tells of itself: bounded, from any thread, spaced out, and harmless."""

import asyncio
import pickle
import threading

import anyio
import anyio.lowlevel
import pytest

from toolcrib.core.calls import ToolContext, no_progress
from toolcrib.core.events import TaskProgressed
from toolcrib.core.tasks import TaskRecord
from toolcrib.execution.tasks.progress import EVENT_EVERY_S, TaskProgress
from toolcrib.testing import FakeClock, RecordingEvents

pytestmark = pytest.mark.anyio
RECORD = TaskRecord(id="1", tool="t")


async def told(progress: TaskProgress, *fractions: float) -> None:
    for fraction in fractions:
        progress(fraction)
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize(
    ("given", "kept"), [(0.5, 0.5), (-1, 0.0), (7, 1.0), (float("nan"), 0.0), (float("inf"), 1.0), (1, 1.0)]
)
async def test_a_fraction_is_kept_between_0_and_1(given: float, kept: float) -> None:
    progress = TaskProgress(RECORD, clock=FakeClock(), events=RecordingEvents())
    progress(given, "x" * 5_000)
    assert (progress.fraction, len(progress.message), progress.unsaved) == (kept, 2_000, True)


async def test_events_are_spaced_out_but_the_last_one_is_told() -> None:
    clock, events = FakeClock(), RecordingEvents()
    progress = TaskProgress(RECORD, clock=clock, events=events)
    await told(progress, 0.1, 0.2, 0.3)
    clock.advance(EVENT_EVERY_S)
    await told(progress, 0.4, 0.5, 1.0)
    assert [event.progress for event in events.of(TaskProgressed)] == [0.1, 0.4, 1.0]


async def test_nothing_is_told_of_a_task_that_is_over() -> None:
    events = RecordingEvents()
    progress = TaskProgress(RECORD, clock=FakeClock(), events=events)
    progress.over = True
    await told(progress, 0.1)
    assert events.events == []


async def test_threads_may_tell_and_the_event_comes_on_the_loop() -> None:
    events, arrived = RecordingEvents(), asyncio.Event()

    class Waking(RecordingEvents):
        def emit(self, event: object) -> None:
            assert threading.current_thread() is threading.main_thread()
            events.events.append(event)  # type: ignore[arg-type]  # it is the event that was emitted
            arrived.set()

    progress = TaskProgress(RECORD, clock=FakeClock(), events=Waking())
    with anyio.fail_after(5):
        await asyncio.to_thread(progress, 0.5, "from afar")
        await arrived.wait()
    assert [(event.progress, event.message) for event in events.of(TaskProgressed)] == [(0.5, "from afar")]


def test_a_thread_that_outlives_its_loop_may_still_talk() -> None:
    async def make() -> TaskProgress:
        return TaskProgress(RECORD, clock=FakeClock(), events=RecordingEvents())

    progress = asyncio.run(make())
    progress(0.5)
    assert progress.fraction == 0.5


async def test_a_context_sent_to_another_process_arrives_with_a_silent_progress() -> None:
    progress = TaskProgress(RECORD, clock=FakeClock(), events=RecordingEvents())
    context = ToolContext(tool="t", call_id="1", release="r", progress=progress)
    sent = pickle.loads(pickle.dumps(context))
    assert sent.progress is no_progress
    sent.progress(0.5, "nobody hears")


def test_progress_of_a_plain_call_goes_nowhere() -> None:
    context = ToolContext(tool="t", call_id="1", release="r")
    context.progress(0.5, "half")
    assert "progress" not in repr(context)

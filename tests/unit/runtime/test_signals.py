"""Signals end asynchronous work in order, unless they come too often."""

import asyncio
import signal
import subprocess
import sys

import pytest

from toolcrib.core.wire.signals import STOP_SIGNALS
from toolcrib.runtime.signals import Stopped, run

IMPATIENT = """
import asyncio, signal
from toolcrib.runtime.signals import run

async def work():
    try:
        for _ in range(3):
            signal.raise_signal(signal.SIGTERM)
        await asyncio.Event().wait()
    finally:
        print("closed")

run(work())
"""


@pytest.mark.parametrize("signum", STOP_SIGNALS)
@pytest.mark.parametrize("times", [1, 2])
def test_a_signal_ends_the_work_in_order_also_when_it_comes_twice(signum: int, times: int) -> None:
    closed: list[str] = []

    async def work() -> None:
        try:
            for _ in range(times):
                signal.raise_signal(signum)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            closed.append("all")

    before = signal.getsignal(signum)
    with pytest.raises(Stopped) as stopped:
        run(work())

    assert (stopped.value.signum, closed, signal.getsignal(signum)) == (signum, ["all"], before)


def test_what_the_work_raises_while_it_ends_is_no_failure() -> None:
    async def work() -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("the connection is closed")

    with pytest.raises(Stopped):
        run(work())


def test_a_signal_before_the_first_step_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        await asyncio.Event().wait()

    def new_event_loop() -> asyncio.AbstractEventLoop:
        signal.raise_signal(signal.SIGTERM)
        return asyncio.SelectorEventLoop()

    monkeypatch.setattr(asyncio.events, "new_event_loop", new_event_loop)
    with pytest.raises(Stopped):
        run(work())


def test_work_that_ends_by_itself_gives_its_result_and_its_failure() -> None:
    async def answer() -> int:
        return 42

    async def fail() -> None:
        raise ValueError("no")

    assert run(answer()) == 42
    with pytest.raises(ValueError, match="no"):
        run(fail())


def test_an_ignored_signal_stays_ignored() -> None:
    async def work() -> str:
        signal.raise_signal(signal.SIGTERM)
        await asyncio.sleep(0)
        return "done"

    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        assert run(work()) == "done"
    finally:
        signal.signal(signal.SIGTERM, before)


def test_the_third_signal_ends_the_process_at_once() -> None:
    done = subprocess.run([sys.executable, "-c", IMPATIENT], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (143, "", "")

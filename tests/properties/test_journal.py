"""Law 8: a call with an idempotency key takes effect once, however often it comes and wherever its process dies."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import Bench
from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.policies import SideEffect
from toolcrib.core.ports import JournalEntry
from toolcrib.core.results import ToolResult
from toolcrib.stores.memory.journal import MemoryJournal
from toolcrib.testing import make_tool

pytestmark = pytest.mark.anyio


class Killed(BaseException):
    """The process is no more."""


class Life(NamedTuple):
    """One process: the calls it makes, and at which of its steps it dies."""

    calls: Sequence[tuple[str, int, bool]]
    dies_at: int


class World(MemoryJournal):
    """What outlives a process: the journal, and the effects; each step before and after a write may be the last."""

    def __init__(self) -> None:
        super().__init__()
        self.effects: Counter[tuple[str, int]] = Counter()
        self.finished: set[str] = set()
        self.steps_left = 0

    def step(self) -> None:
        if self.steps_left == 0:
            raise Killed
        self.steps_left -= 1

    async def begin(self, entry: JournalEntry) -> JournalEntry | None:
        self.step()
        known = await super().begin(entry)
        self.step()
        return known

    async def finish(self, key: str, result: ToolResult) -> None:
        self.step()
        await super().finish(key, result)
        self.finished.add(key)
        self.step()


calls = st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 1), st.booleans())
lives = st.builds(Life, st.lists(calls, min_size=1, max_size=4), st.integers(0, 14))


@settings(max_examples=200)
@given(st.lists(lives, min_size=1, max_size=5), st.sampled_from(["write", "idempotent"]))
async def test_a_call_takes_effect_once_or_is_in_doubt_wherever_its_processes_die(
    lives: Sequence[Life], side_effect: SideEffect
) -> None:
    world = World()
    told: dict[str, tuple[int, ToolResult]] = {}
    for life in lives:
        world.steps_left = life.dies_at
        try:
            await live(life, world, side_effect, told)
        except Killed:
            continue
    for key in "ab":
        effects = [world.effects[key, x] for x in (0, 1)]
        assert min(effects) == 0, "a key belongs to the arguments it came with first"
        assert side_effect == "idempotent" or max(effects) <= 1


async def live(life: Life, world: World, side_effect: SideEffect, told: dict[str, tuple[int, ToolResult]]) -> None:
    bench = Bench(journal=world)  # all but the journal is new with each process

    async def pay(key: str, x: int, fails: bool) -> str:
        world.step()
        world.effects[key, x] += 1
        world.step()
        if fails:
            raise ConnectionError("down")
        return f"paid {x}"

    release = bench.release(make_tool(pay, side_effect=side_effect))
    for key, x, fails in life.calls:
        before, finished = Counter(world.effects), len(world.finished)
        call = ToolCall(name="pay", args={"key": key, "x": x, "fails": fails}, idempotency_key=key)
        result = await bench.executor.call(release, call, CallContext())
        code = result.error.code if result.error else "ok"
        ran = world.effects != before
        assert ran == (not result.journaled and code in ("ok", "tool_failed"))
        if ran:
            assert key not in told, "what has been told of is not done again"
            assert len(world.finished) == finished + 1, "told only after it was written"
            told[key] = (x, result)
        elif result.journaled:
            assert code in ("ok", "tool_failed")
            if key in told:
                assert (told[key][1].value, told[key][1].ok) == (result.value, result.ok)
            told.setdefault(key, (x, result))
        else:
            assert code in ("idempotency_conflict", "call_in_doubt")
            assert code == "idempotency_conflict" or (side_effect == "write" and key not in told)

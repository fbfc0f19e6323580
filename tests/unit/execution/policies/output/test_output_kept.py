"""Results out of the cache and the journal never carry the handle of an artifact that is gone."""

from typing import Any

import pytest

from tests.support import Bench
from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.policies import Cache, Output
from toolcrib.core.results import ToolResult
from toolcrib.stores.memory.artifacts import MemoryArtifactStore
from toolcrib.testing import make_tool

pytestmark = pytest.mark.anyio
TTL_S = 60.0
"""As long as the bench keeps an artifact."""


class Desk:
    """A tool with a long result, which counts its runs and stores what is too long."""

    def __init__(self, bench: Bench, **policy: Any) -> None:
        self.bench, self.runs = bench, 0

        async def report() -> str:
            self.runs += 1
            return f"run {self.runs} " + "\n[Cut: no. ] " * 50

        self.release = bench.release(make_tool(report, output=Output(max_chars=100, excess="store"), **policy))

    async def call(self, key: str = "", *, tenant: str = "acme") -> ToolResult:
        call = ToolCall(name="report", idempotency_key=key)
        return await self.bench.executor.call(self.release, call, CallContext(tenant=tenant))

    async def whole(self, result: ToolResult, *, tenant: str = "acme") -> str:
        return (await self.bench.artifacts.read(result.artifact, tenant=tenant)).text


class Broken(MemoryArtifactStore):
    """A store that does not answer whether something is there."""

    async def renew(self, handle: str, *, tenant: str = "") -> bool:
        raise OSError("disk is away")


def cached(bench: Bench) -> Desk:
    return Desk(bench, side_effect="read", cache=Cache(ttl_s=10 * TTL_S))


async def test_a_cached_result_has_its_handle_as_long_as_the_artifact_is_there() -> None:
    desk = cached(Bench())
    first, second = await desk.call(), await desk.call()
    assert (desk.runs, second.cached, second.artifact, second.value) == (1, True, first.artifact, first.value)
    assert (await desk.whole(second)).startswith("run 1 ")


async def test_a_handle_given_out_again_is_good_for_its_whole_time_again() -> None:
    desk = cached(Bench())
    await desk.call()
    for _ in range(3):
        desk.bench.clock.advance(TTL_S - 1)
        again = await desk.call()
    desk.bench.clock.advance(TTL_S - 1)
    assert desk.runs == 1
    assert (await desk.whole(again)).startswith("run 1 ")


async def test_when_the_artifact_is_gone_the_tool_runs_again() -> None:
    desk = cached(Bench())
    first = await desk.call()
    desk.bench.clock.advance(TTL_S)
    second = await desk.call()
    assert (desk.runs, second.cached) == (2, False)
    assert second.artifact != first.artifact
    assert (await desk.whole(second)).startswith("run 2 ")
    assert (await desk.call()).artifact == second.artifact


async def test_a_store_that_does_not_answer_is_one_where_nothing_is_there() -> None:
    desk = cached(Bench(shelf=Broken))
    await desk.call()
    assert (await desk.call()).ok
    assert desk.runs == 2


async def test_a_cached_result_is_renewed_for_its_own_tenant() -> None:
    desk = cached(Bench())
    mine, theirs = await desk.call(tenant="acme"), await desk.call(tenant="bolt")
    assert mine.artifact != theirs.artifact
    assert (await desk.call(tenant="bolt")).artifact == theirs.artifact
    assert desk.runs == 2


async def test_a_journaled_result_has_its_handle_as_long_as_the_artifact_is_there() -> None:
    desk = Desk(Bench())
    first, second = await desk.call("k"), await desk.call("k")
    assert (desk.runs, second.journaled, second.artifact, second.value) == (1, True, first.artifact, first.value)
    assert (await desk.whole(second)).startswith("run 1 ")


@pytest.mark.parametrize("shelf", [MemoryArtifactStore, Broken])
async def test_when_the_artifact_is_gone_a_journaled_result_says_so_and_the_tool_does_not_run_again(
    shelf: type[MemoryArtifactStore],
) -> None:
    desk = Desk(Bench(shelf=shelf))
    first = await desk.call("k")
    desk.bench.clock.advance(TTL_S)
    second = await desk.call("k")
    assert (desk.runs, second.journaled, second.artifact) == (1, True, "")
    assert second.value == f"{first.value[:100]}\n[Cut: these are 100 of 656 characters. The rest is no longer kept.]"
    assert first.artifact not in second.value

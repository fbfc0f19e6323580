"""`Output(excess="store")`: the model gets the beginning and a handle, the store the whole."""

import asyncio
from collections.abc import Sequence
from typing import Any

import anyio
import pytest

from tests.support import Bench
from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.errors import ArtifactNotFound, ToolError
from toolcrib.core.policies import Output
from toolcrib.core.results import ToolResult
from toolcrib.core.stores.artifacts import READ_ARTIFACT
from toolcrib.core.tools import Tool
from toolcrib.registry.release import Release
from toolcrib.stores.memory.artifacts import MemoryArtifactStore
from toolcrib.testing import make_tool

pytestmark = pytest.mark.anyio
STORE = Output(max_chars=100, excess="store")
TEXT = "".join(chr(97 + n % 26) for n in range(1_234))


def reporting(value: object) -> Tool:
    async def report() -> object:
        return value

    return make_tool(report, output=STORE)


async def call(bench: Bench, release: Release, **context: Any) -> ToolResult:
    with anyio.fail_after(10):
        return await bench.executor.call(release, ToolCall(name="report"), CallContext(**context))


class Broken(MemoryArtifactStore):
    """A store that cannot be written to."""

    async def put(self, pieces: Sequence[str], *, tenant: str = "") -> str | None:
        raise OSError("no space left")


class Stuck(MemoryArtifactStore):
    """A store that never comes to an end."""

    async def put(self, pieces: Sequence[str], *, tenant: str = "") -> str | None:
        await asyncio.Event().wait()
        return None


async def test_the_model_gets_the_beginning_and_where_the_whole_is() -> None:
    bench = Bench()

    async def read_artifact() -> None: ...

    release = bench.release(reporting(TEXT), make_tool(read_artifact))
    result = await call(bench, release)
    assert (result.ok, result.artifact) == (True, "art_1")
    assert result.value == TEXT[:100] + (
        "\n[Cut: these are 100 of 1,234 characters. The whole is kept as art_1; read on with"
        ' read_artifact(handle="art_1", offset=100).]'
    )


async def test_where_there_is_no_tool_to_read_on_none_is_named() -> None:
    bench = Bench()
    value = (await call(bench, bench.release(reporting(TEXT)))).value
    assert value.endswith("[Cut: these are 100 of 1,234 characters. The whole is kept as art_1.]")
    assert READ_ARTIFACT not in value


@pytest.mark.parametrize(
    "value", [TEXT, {"rows": [{"id": n, "é": None} for n in range(50)]}, [{"text": "y" * 100}] * 2_000]
)
async def test_the_whole_is_kept_as_the_model_would_have_seen_it(value: object) -> None:
    bench = Bench()
    result = await call(bench, bench.release(reporting(value)))
    whole = ToolResult(ok=True, value=value).text()
    assert result.value[:100] == whole[:100]
    assert (await bench.artifacts.read(result.artifact, limit=10_000_000)).text == whole


async def test_a_result_that_fits_stays_what_it_is_and_is_not_kept() -> None:
    bench = Bench()
    result = await call(bench, bench.release(reporting([1, 2, 3])))
    assert (result.value, result.artifact) == ([1, 2, 3], "")
    with pytest.raises(ArtifactNotFound):
        await bench.artifacts.read("art_1")


async def test_the_whole_belongs_to_the_callers_tenant() -> None:
    bench = Bench()
    handle = (await call(bench, bench.release(reporting(TEXT)), tenant="acme")).artifact
    assert (await bench.artifacts.read(handle, tenant="acme")).text == TEXT
    with pytest.raises(ArtifactNotFound):
        await bench.artifacts.read(handle, tenant="evil")


async def test_an_error_is_no_result_to_keep() -> None:
    async def report() -> None:
        raise ToolError("no " * 500)

    bench = Bench()
    result = await call(bench, bench.release(make_tool(report, output=STORE)))
    assert (result.ok, result.artifact) == (False, "")


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        (Broken, TEXT, "artifact store failed"),
        (MemoryArtifactStore, "x" * (1 << 21), "larger than `artifacts.max_mb`"),
    ],
    ids=["broken", "too large"],
)
async def test_what_cannot_be_kept_is_cut_and_the_call_has_succeeded(
    kind: type[MemoryArtifactStore], value: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(shelf=kind)
    result = await call(bench, bench.release(reporting(value)))
    assert (result.ok, result.artifact) == (True, "")
    assert result.value == value[:100] + (
        f"\n[Cut: these are 100 of {len(value):,} characters. The rest could not be kept. Ask for less to see it.]"
    )
    assert [words in record.message for record in caplog.records] == [True]


@pytest.mark.parametrize("left_s", [0.02, 0.0, -5.0])
async def test_keeping_the_whole_takes_no_longer_than_the_caller_has_time(left_s: float) -> None:
    bench = Bench(shelf=Stuck)

    async def report() -> str:
        bench.clock.advance(10 - left_s)
        return TEXT

    release = bench.release(make_tool(report, output=STORE, timeout_s=None))
    result = await call(bench, release, deadline=bench.clock.monotonic() + 10)
    assert (result.ok, result.artifact) == (True, "")
    assert "could not be kept" in result.value


async def test_the_tools_own_time_is_for_the_tool_alone() -> None:
    bench = Bench()

    async def report() -> str:
        bench.clock.advance(10)
        return TEXT

    release = bench.release(make_tool(report, output=STORE, timeout_s=5))
    assert (await call(bench, release)).artifact == "art_1"


@pytest.mark.parametrize("excess", ["cut", "store"])
async def test_a_large_value_is_written_while_others_have_their_turns(excess: Any) -> None:
    turns, done = 0, False

    async def count_turns() -> None:
        nonlocal turns
        while not done:
            turns += 1
            await asyncio.sleep(0)

    async def report() -> object:
        return [{"id": n, "text": "y" * 100} for n in range(20_000)]

    bench = Bench()
    release = bench.release(make_tool(report, output=Output(max_chars=100, excess=excess)))
    async with asyncio.TaskGroup() as group:
        group.create_task(count_turns())
        result = await call(bench, release)
        done = True
    assert turns > 20
    assert "[Cut: these are 100 of 2," in result.value

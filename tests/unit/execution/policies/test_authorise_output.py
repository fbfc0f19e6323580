"""Scopes decide who may call; the output policy decides how much comes back."""

import pytest

from tests.support import Bench
from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.policies import Output
from toolcrib.testing import make_tool

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("held", "may"),
    [
        (None, True),
        (frozenset({"orders:write", "orders:read", "more"}), True),
        (frozenset({"orders:read"}), False),
        (frozenset(), False),
    ],
)
async def test_a_caller_must_hold_every_scope(held: frozenset[str] | None, may: bool) -> None:
    ran = []

    async def refund() -> None:
        ran.append(True)

    bench = Bench()
    release = bench.release(make_tool(refund, scopes=("orders:read", "orders:write")))
    result = await bench.executor.call(release, ToolCall(name="refund"), CallContext(scopes=held))
    assert (result.ok, bool(ran)) == (may, may)
    if result.error:
        assert (result.error.code, result.attempts) == ("permission_denied", 0)
        assert "'orders:write'" in result.error.message


@pytest.mark.parametrize("value", ["x" * 500, {"rows": ["y" * 50] * 10}], ids=["text", "data"])
async def test_a_long_result_is_cut_with_a_note(value: object) -> None:
    async def report() -> object:
        return value

    bench = Bench()
    release = bench.release(make_tool(report, output=Output(max_chars=100)))
    text = (await bench.executor.call(release, ToolCall(name="report"), CallContext())).text()
    whole = (await bench.executor.call(bench.release(make_tool(report)), ToolCall(name="report"), CallContext())).text()
    assert text.startswith(whole[:100])
    assert text[100:].startswith("\n[Cut: these are 100 of 5")


async def test_a_result_that_fits_stays_what_it_is() -> None:
    async def report() -> list[int]:
        return [1, 2, 3]

    bench = Bench()
    release = bench.release(make_tool(report, output=Output(max_chars=100)))
    assert (await bench.executor.call(release, ToolCall(name="report"), CallContext())).value == [1, 2, 3]

"""Calls in doubt: those that will never have a result by themselves, and never one that runs."""

import asyncio
from pathlib import Path

import anyio
import pytest

import toolcrib
from tests.unit.runners.processes.conftest import appears
from toolcrib.core.errors import NotFound

pytestmark = pytest.mark.anyio
TOOLS = '''
import asyncio
from pathlib import Path
from toolcrib import tool

@tool(timeout_s=None)
async def pay(mark: str) -> str:
    """Pay, and take long."""
    Path(mark).write_text("paying")
    await asyncio.Event().wait()
    return "paid"
'''


async def test_a_call_that_runs_is_not_in_doubt_and_cannot_be_settled_until_it_is_broken_off(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "money.py").write_text(TOOLS)
    mark = str(tmp_path / "mark")
    with anyio.fail_after(20):
        async with toolcrib.open(tmp_path) as crib:
            paying = asyncio.create_task(crib.call("pay", {"mark": mark}, idempotency_key="k"))
            await appears(anyio.Path(mark))
            assert await crib.calls_in_doubt() == []
            (entry,) = await crib._wings.journal.in_doubt()
            with pytest.raises(NotFound, match="in doubt"):
                await crib.settle_call(entry.key, repeat=True)
            paying.cancel()
            await asyncio.gather(paying, return_exceptions=True)
            (doubtful,) = await crib.calls_in_doubt()
            await crib.settle_call(doubtful.key, value="paid by hand")
            again = await crib.call("pay", {"mark": mark}, idempotency_key="k")
    assert (again.value, again.journaled) == ("paid by hand", True)

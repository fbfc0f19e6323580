"""docs/tasks.md: its example about people runs, line by line, and every state stands in its table."""

import re
from pathlib import Path
from typing import get_args

import pytest

import toolcrib
from toolcrib.core.tasks import TaskState
from toolcrib.runtime.crib import Crib

pytestmark = pytest.mark.anyio
PAGE = (Path(__file__).parents[2] / "docs" / "tasks.md").read_text(encoding="utf-8")
TOOL = '''
from toolcrib import tool

@tool(on_error={"ConnectionError": "manual"})
async def pay(amount: int) -> dict:
    """Pays."""
    raise ConnectionError("down")
'''


def example() -> tuple[str, list[str]]:
    """The lines up to the first decision, and the decisions."""
    code = PAGE.partition("## Waiting for a person")[2].partition("```python\n")[2].partition("```")[0]
    lines = code.splitlines()
    return "\n".join(line for line in lines if "resolve(" not in line), [line for line in lines if "resolve(" in line]


async def run(lines: str, crib: Crib) -> None:
    body = "\n".join(f"    {line}" for line in lines.splitlines() if line)
    scope: dict[str, object] = {}
    exec(f"async def main(crib):\n{body}\n", scope)  # the page's own words
    await scope["main"](crib)  # type: ignore[operator]  # just defined


async def test_the_example_puts_a_call_before_a_person_and_every_decision_is_taken(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "till.py").write_text(TOOL)
    before, decisions = example()
    assert len(decisions) == 4
    states = []
    async with toolcrib.open(tmp_path, work=False) as crib:
        for number, decision in enumerate(decisions):
            await run(before.replace("order-42", f"order-{number}") + f"\n{decision}", crib)
            (newest, *_) = await crib.tasks.list()
            states.append(newest.state)
    assert states == ["queued", "succeeded", "skipped", "failed"]


def test_every_state_is_in_the_table() -> None:
    table = PAGE.partition("| state | means |")[2].partition("\n\n")[0]
    named = {name for line in table.splitlines() for name in re.findall(r"`(\w+)`", line.partition(" | ")[0])}
    assert named == set(get_args(TaskState))

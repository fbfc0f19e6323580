"""docs/agents.md: its example is valid, its defaults are the real ones, and a failed run has its friendly text."""

import re
from pathlib import Path

import pytest

import toolcrib
from toolcrib.core.agents import AgentLimits, LoopLimits

pytestmark = pytest.mark.anyio
PAGE = (Path(__file__).parents[3] / "docs" / "agents.md").read_text(encoding="utf-8")
TOOLS = '''
from toolcrib import tool

@tool(on_error={"*": "abort"})
async def order_status(order_id: str) -> str:
    """Say where an order is."""
    raise RuntimeError("the shop is down")
'''


async def test_the_example_serves_and_a_failed_run_has_its_friendly_text(tmp_path: Path) -> None:
    found = re.search(r"```yaml\n# agents.yaml\n(.*?)```", PAGE, re.DOTALL)
    assert found
    for name, text in {"agents.yaml": found[1], "tools/orders.py": TOOLS, "prompts/support.md": "Be kind."}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    async with toolcrib.open(tmp_path) as crib:
        result = await crib.run("support", "Where is order A-42?")
    assert result.error is not None
    assert (result.success, result.error.code, result.degraded) == (False, "tool_aborted", "")
    assert result.output == "Sorry, our shop is closed for a moment. Please ask again."


def test_every_limit_is_in_the_table_and_the_defaults_are_the_real_ones() -> None:
    named = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert {*AgentLimits.model_fields, *LoopLimits.model_fields} - {"cost_usd", "tokens"} <= named
    told = dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", PAGE, re.MULTILINE))
    assert {name: int(default) for name, default in told.items()} == LoopLimits().model_dump()

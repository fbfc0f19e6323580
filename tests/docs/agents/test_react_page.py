"""docs/react.md: its example runs without a key, its answers come to what it says, the prompt is the one it shows."""

import re
from pathlib import Path

import orjson
import pytest

import toolcrib
from toolcrib.agents.models.offer import tool_definition
from toolcrib.agents.react.parser import parse
from toolcrib.agents.react.speaking import instructions
from toolcrib.agents.react.steps import Actions, Final, Malformed, Schemas

pytestmark = pytest.mark.anyio
PAGE = (Path(__file__).parents[3] / "docs" / "react.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```text\n([^`]*?)\n```\n\n→ (.*?)\n\n", PAGE, re.DOTALL)
TOOL = '''
from toolcrib import tool

@tool
async def order_status(order_id: str) -> dict:
    """Where an order is."""
    return {"order": order_id, "state": "shipped"}
'''
TOOLS: Schemas = {
    "search": {"properties": {"query": {"type": "string"}, "limit": {"type": "integer"}}, "required": ["query"]},
    "double": {"properties": {"number": {"type": "integer"}}, "required": ["number"]},
    "now": {"properties": {}},
}


async def test_the_example_answers_without_a_key_and_tells_its_model_what_the_page_shows(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "orders.py").write_text(TOOL)
    (tmp_path / "agents.yaml").write_text(re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0])
    async with toolcrib.open(tmp_path) as crib:
        answer = await crib.run("clerk", "Where is order A-42?")
        pieces = [
            one.data["text"] async for one in crib.stream("clerk", "Where is order A-43?") if one.event == "message"
        ]
        told = instructions((tool_definition(crib.release.tool("order_status").spec),))
    assert "A-42" in answer.output
    assert answer.iterations == 2
    assert [step["kind"] for step in answer.trace] == ["model", "tool", "model"]
    assert "A-43" in "".join(pieces)
    assert "Final Answer" not in "".join(pieces)
    assert f"```text\n{told}\n```" in PAGE


def test_there_is_an_example_of_each_way() -> None:
    assert len(EXAMPLES) == 12


@pytest.mark.parametrize(("answer", "told"), EXAMPLES)
def test_what_a_model_may_write_comes_to_what_the_page_says(answer: str, told: str) -> None:
    step = parse(answer, TOOLS)
    match step:
        case Actions(actions=actions):
            made = [f"`{one.tool} {orjson.dumps(one.args).decode()}`" for one in actions]
            assert told.startswith(", ".join(made))
        case Final(text=text):
            assert told == f"answer `{text}`"
        case Malformed(observation=observation):
            (words,) = re.findall(r"wrong: `(.*)`", told)
            assert words in observation

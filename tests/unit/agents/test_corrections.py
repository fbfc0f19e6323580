"""Calls whose arguments cannot be read or saved: the run goes on, and the model hears why it has to call again."""

import json
from typing import Any

import anyio
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.messages.tool import invalid_tool_call
from langgraph.checkpoint.memory import InMemorySaver

from tests.unit.agents.scripted import ScriptedModel, calls, config_for, release_of
from toolcrib import tool
from toolcrib.agents.factory import build_agent
from toolcrib.agents.parts import AgentParts
from toolcrib.agents.state.saving import LONG_NUMBER, NO_TEXT, TOO_DEEP
from toolcrib.core.agents import AgentSpec
from toolcrib.tools.adapt import adapt

pytestmark = pytest.mark.anyio
TOLD = "The arguments of 'wire' "
DEEP: Any = json.loads("[" * 300 + "]" * 300)


@tool
async def wire(to: Any) -> str:
    """Send money."""
    return f"sent to {to}"


async def told(*script: AIMessage) -> list[Any]:
    """The messages that are saved of a thread whose model answers so."""
    release = release_of(adapt(wire))
    specs = [each.spec for each in release.tools.values()]
    parts = AgentParts(name="a", spec=AgentSpec(model="test:scripted"), prompt="", tools=specs, release=release.id)
    graph = build_agent(parts, graph=None, checkpointer=InMemorySaver()).graph
    config = config_for(release, ScriptedModel(script=list(script)))
    config["configurable"]["thread_id"] = "t"
    with anyio.fail_after(5):
        await graph.ainvoke({"messages": [HumanMessage("pay")]}, config, durability="sync")
    saved = await graph.aget_state(config)
    return list(saved.values["messages"])


@pytest.mark.parametrize(
    ("to", "why"),
    [
        (10**25, LONG_NUMBER),
        (-(10**25), LONG_NUMBER),
        (10**5000, LONG_NUMBER),
        ({"accounts": [{"number": 2**64}]}, LONG_NUMBER),
        ({"name": "half \ud83d"}, NO_TEXT),
        ({"half \ud83d": 1}, NO_TEXT),
        (DEEP, TOO_DEEP),
    ],
    ids=["long", "negative", "thousands of digits", "nested", "half a character", "in a key", "deep"],
)
async def test_a_call_that_cannot_be_saved_is_not_made_and_its_model_asks_again(to: Any, why: str) -> None:
    both = calls(("wire", {"to": to}), ("wire", {"to": "Ann"}))
    both.content = [{"type": "tool_use", "id": "call-0", "name": "wire", "input": {"to": to}}]
    _, asked, *results, last = await told(both, AIMessage("done"))
    assert [call["args"] for call in asked.tool_calls] == [{"to": "Ann"}]
    assert [call["id"] for call in asked.invalid_tool_calls] == ["call-0"]
    said = {message.tool_call_id: message.content for message in results if isinstance(message, ToolMessage)}
    assert str(said["call-0"]).startswith(f"{TOLD}cannot be taken: {why}; the tool was not called.")
    assert (said["call-1"], last.content) == ("sent to Ann", "done")


@pytest.mark.parametrize("to", [2**64 - 1, -(2**63), "😀", [True, 1.5e300, None]])
async def test_what_can_be_saved_is_called_with(to: Any) -> None:
    assert (await told(calls(("wire", {"to": to})), AIMessage("done")))[2].content == f"sent to {to}"


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ('{"to": ' + "1" * 5000 + "}", f": {LONG_NUMBER}"),
        ('{"to": "\ud83d', ": unterminated string starting at at line 1, column 8"),
    ],
    ids=["thousands of digits", "half a character"],
)
async def test_what_a_provider_could_not_read_is_told_and_saved_too(written: str, why: str) -> None:
    bad = invalid_tool_call(name="wire", args=written, id="call-0", error="provider's words")
    _, _, result, last = await told(AIMessage("", invalid_tool_calls=[bad]), AIMessage("done"))
    assert result.content.startswith(f"{TOLD}are no JSON object{why}; the tool was not called.")
    assert last.content == "done"

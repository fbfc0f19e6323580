"""The page on live tools in other graphs: its examples run, and what it promises of releases holds."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.prebuilt import ToolNode as LangGraphToolNode
from langgraph.types import Command

import toolcrib
from tests.unit.agents.scripted import ScriptedModel, calls

pytestmark = pytest.mark.anyio
PAGE = (Path(__file__).parents[3] / "docs" / "tool-node.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
TOOLS, GRAPH, SYNC, AGENT, GUEST = BLOCKS


def names_of(*blocks: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "tool-node.md", "exec"), found)
    return found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "orders.py").write_text(TOOLS)
    return tmp_path


def asks(order: str) -> AIMessage:
    return calls(("order_status", {"order_id": order}))


def speaker(*said: AIMessage) -> Callable[[Any], dict[str, Any]]:
    turns: Iterator[AIMessage] = iter([*said, AIMessage("done")])
    return lambda state: {"messages": [next(turns).model_copy(update={"id": None})]}


def results(state: Any) -> list[Any]:
    return [message.content for message in state["messages"] if isinstance(message, ToolMessage)]


def test_the_graph_runs_synchronously_with_objects_and_live_tools(project: Path) -> None:
    model = speaker(calls(("add", {"a": 2, "b": 3}), ("order_status", {"order_id": "A-1"})), asks("A-42"))

    state = names_of(GRAPH, SYNC)["answer"](project, model, "where?")

    assert results(state) == ["5", "There is no order 'A-1'. Ask for the id on the invoice.", "shipped"]


async def test_a_deployment_between_model_and_tool_changes_nothing_within_the_run(project: Path) -> None:
    changed = TOOLS.replace("order_id", "number").replace("shipped", "delivered")
    async with toolcrib.open(project) as crib:

        class Deploying(ScriptedModel):
            """Deploys another signature of the tool before it answers."""

            async def _agenerate(self, *args: Any, **kwargs: Any) -> Any:
                (project / "tools" / "orders.py").write_text(changed)
                await crib.deploy()
                return self._generate(args[0])

        model = Deploying(script=[asks("A-42"), AIMessage("done")])
        with anyio.fail_after(20):
            state = await names_of(AGENT)["ask"](crib, model, "where?")
            old, new = [sorted(tool.args) for tool in model.offered], ScriptedModel(script=[AIMessage("done")])
            await names_of(AGENT)["ask"](crib, new, "where?")

    assert results(state) == ["shipped"]
    assert old == [["order_id"], ["order_id"]]
    assert [sorted(tool.args) for tool in new.offered] == [["number"]]


async def test_a_turn_that_waits_for_a_person_goes_on_with_its_release(project: Path) -> None:
    changed = TOOLS.replace("order_id", "number").replace("shipped", "delivered")
    async with toolcrib.open(project) as crib:
        model = ScriptedModel(script=[asks("A-42"), asks("A-42"), AIMessage("done")])
        people = HumanInTheLoopMiddleware(interrupt_on={"order_status": True})
        agent: Any = create_agent(model, [], middleware=[people, crib.middleware()], checkpointer=InMemorySaver())
        config = {"configurable": {"thread_id": "t"}}
        yes: Command[Any] = Command(resume={"decisions": [{"type": "approve"}]})

        with anyio.fail_after(20):
            await agent.ainvoke({"messages": [("user", "where?")]}, config)
            (project / "tools" / "orders.py").write_text(changed)
            await crib.deploy()
            await agent.ainvoke(yes, config)
            state = await agent.ainvoke(yes, config)

    assert results(state) == ["shipped", "shipped"]
    assert [sorted(tool.args) for tool in model.offered] == [["order_id"]] * 3


async def test_the_factory_of_the_page_is_one_for_a_langgraph_json(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    support = names_of(GUEST)["support"]

    assert support.__name__ == "support"
    with pytest.raises(toolcrib.ToolcribError, match="project"):
        async with support({"configurable": {}}):
            pass


def test_every_option_of_langgraphs_node_is_on_the_page() -> None:
    for option in ("name", "tags", "handle_tool_errors", "messages_key", "wrap_tool_call", "awrap_tool_call"):
        assert f"`{option}`" in PAGE
    assert issubclass(toolcrib.ToolNode, LangGraphToolNode)

"""docs/graphs.md: the project of the page serves; what it says of imports, env, factories and streams holds."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import toolcrib
from toolcrib.core.errors import InputInvalid

pytestmark = pytest.mark.anyio
PAGE = (Path(__file__).parents[3] / "docs" / "graphs.md").read_text(encoding="utf-8")
STATE = "from langgraph.graph import MessagesState\n\nclass State(MessagesState):\n    pass\n"
OWN = """
import asyncio, os
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langgraph.cache.memory import InMemoryCache
from langgraph.config import get_stream_writer
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import CachePolicy, RetryPolicy, TimeoutPolicy, interrupt

calls = []

class Counted(MessagesState, total=False):
    n: int

def line(**nodes):
    graph, last = StateGraph(Counted), START
    for name, (node, policy) in nodes.items():
        graph.add_node(name, node, **policy)
        graph.add_edge(last, name)
        last = name
    return graph

def flaky(state):
    calls.append("flaky")
    if len(calls) < 3:
        raise ConnectionError("not yet")
    return {"messages": [("ai", f"{len(calls)} calls")]}

retried = line(flaky=(flaky, {"retry_policy": RetryPolicy(initial_interval=0.001, jitter=False)}))

kept = []

def slow(state):
    kept.append(1)
    return {"messages": [("ai", f"counted {len(kept)}")]}

cached = line(slow=(slow, {"cache_policy": CachePolicy(key_func=lambda state: "k")})).compile(cache=InMemoryCache())

async def forever(state):
    await asyncio.Event().wait()

timed = line(forever=(forever, {"timeout": TimeoutPolicy(run_timeout=0.02)}))

model = FakeListChatModel(responses=["from within"])

async def speak(state):
    get_stream_writer()({"heard": len(state["messages"])})
    return {"messages": [await model.ainvoke(state["messages"])]}

def ask(state):
    return {"messages": [("ai", "you said " + interrupt("sure?"))]}

nested = line(team=(line(writer=(line(speak=(speak, {})).compile(), {})).compile(), {}))
def ask_too(state):
    return {"messages": [("ai", "and " + interrupt("really?"))]}

both = StateGraph(Counted)
both.add_node("ask", ask)
both.add_node("ask_too", ask_too)
both.add_edge(START, "ask")
both.add_edge(START, "ask_too")
asking = line(team=(line(ask=(ask, {})).compile(), {}))

async def made(runtime):
    kind = runtime.access_context, runtime.execution_runtime is not None
    return line(say=(lambda state: {"messages": [("ai", str(kind))]}, {}))

async def failing(config):
    if config["configurable"].get("thread_id"):
        raise LookupError("no such customer")
    return line(say=(lambda state: {}, {}))
"""
OWN_GRAPHS = ("retried", "cached", "timed", "nested", "asking", "both", "made", "failing")


def write(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def of_the_page() -> dict[str, str]:
    found = re.findall(r"```python\n# (\S+)\n(.*?)```", PAGE, re.DOTALL)
    settings = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert settings
    return {
        **dict(found),
        "langgraph.json": settings[1],
        ".env": 'SHOP_NAME="Ye Olde Shop"\n',
        "src/shop_agent/__init__.py": "",
        "src/shop_agent/state.py": STATE,
        "src/shop_agent/texts.py": "def greeting(name):\n    return f'Welcome to {name}'\n",
    }


async def test_the_project_of_the_page_serves_and_its_package_is_hot(tmp_path: Path) -> None:
    files = of_the_page()
    write(tmp_path, files)
    async with toolcrib.open(tmp_path) as crib:
        events = [event async for event in crib.stream("clerk", "Hi")]
        assert events[-1].data["output"] == "Welcome to Ye Olde Shop"
        assert {"data": {"step": "greeting"}} in [event.data for event in events if event.event == "custom"]
        assert (await crib.run("writer", "Hi", thread_id="t1")).output == "Dear thread t1"
        write(tmp_path, {"src/shop_agent/texts.py": files["src/shop_agent/texts.py"].replace("Welcome", "Hurry")})
        await crib.deploy()
        assert (await crib.run("clerk", "Hi")).output == "Hurry to Ye Olde Shop"

        wanted = {**json.loads(files["langgraph.json"]), "dependencies": ["no-such-package-at-all>=2"]}
        write(tmp_path, {"langgraph.json": json.dumps(wanted)})
        deployment = await crib.deploy()
        assert [reason.code for reason in deployment.reasons] == ["dependency"]
    assert "SHOP_NAME" not in os.environ


async def test_policies_of_nodes_subgraphs_and_factories_work_as_the_page_says(tmp_path: Path) -> None:
    graphs = {name: f"graphs/own.py:{name}" for name in OWN_GRAPHS}
    write(tmp_path, {"langgraph.json": json.dumps({"graphs": graphs}), "graphs/own.py": OWN})
    async with toolcrib.open(tmp_path) as crib:
        assert (await crib.run("retried", "Hi")).output == "3 calls"
        assert [(await crib.run("cached", "Hi")).output for _ in range(2)] == ["counted 1", "counted 1"]
        timed = await crib.run("timed", "Hi")
        assert timed.error is not None
        assert "NodeTimeoutError" in timed.error.message

        assert (await crib.run("made", "Hi")).output == "('threads.create_run', True)"
        failed = await crib.run("failing", "Hi")
        assert failed.error is not None
        assert "no such customer" in failed.error.message

        said: list[tuple[str, Any]] = [(event.event, event.data) async for event in crib.stream("nested", "Hi")]
        assert ("custom", {"data": {"heard": 1}, "subgraph": "team/writer"}) in said
        pieces = [data for name, data in said if name == "message"]
        assert "".join(piece["text"] for piece in pieces) == "from within"
        assert {(piece["node"], piece["subgraph"]) for piece in pieces} == {("speak", "team/writer")}

        waiting = [event.data async for event in crib.stream("asking", "Hi", thread_id="t")][-1]
        assert waiting["interrupts"] == ["sure?"]
        answered = [event.data async for event in crib.stream("asking", thread_id="t", resume="yes")][-1]
        assert answered["output"] == "you said yes"

        assert (await crib.run("both", "Hi", thread_id="two")).interrupts == ("sure?", "really?")
        with pytest.raises(InputInvalid, match="2 questions") as refused:
            await crib.run("both", thread_id="two", resume="yes")
        ids = re.findall(r"(\w{32}): (\w+\?)", refused.value.message)
        assert {question for _, question in ids} == {"sure?", "really?"}
        both = await crib.run("both", thread_id="two", resume={one: "no" for one, _ in ids})
        assert both.output == "and no", both.error

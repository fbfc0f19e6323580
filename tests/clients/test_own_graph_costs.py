"""What the models of own graphs cost, however their nodes ask them: a real `ChatOpenAI`, and a peer over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import anyio
import pytest

import toolcrib
from tests.clients.openai_peer import Hang, Peer, Refuse, Say
from toolcrib.core.results import RunResult

pytestmark = pytest.mark.anyio
GRAPHS = """
from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph

model = ChatOpenAI(model="one", base_url="{url}", api_key="sk-test", max_tokens=100, max_retries=0)
fake = FakeListChatModel(responses=["blocks"])

def graph(*nodes):
    made = StateGraph(MessagesState)
    for number, node in enumerate(nodes):
        made.add_node(f"n{{number}}", node)
        made.add_edge(START, f"n{{number}}")
    return made

async def ask(state):
    return {{"messages": [await model.ainvoke(state["messages"])]}}

def ask_in_thread(state):
    return {{"messages": [model.invoke(state["messages"])]}}

async def ask_in_pieces(state):
    whole = None
    async for piece in model.astream(state["messages"], stream_usage=True):
        whole = piece if whole is None else whole + piece
    return {{"messages": [whole]}}

async def block(state):
    return {{"messages": [fake.invoke(state["messages"])]}}

awaited = graph(ask)
threaded = graph(ask_in_thread)
pieces = graph(ask_in_pieces)
nested = graph(create_agent(model, tools=[]))
twice = graph(ask, ask_in_thread)
blocking = graph(block)

async def ask_fake(state):
    return {{"messages": [await fake.ainvoke(state["messages"])]}}

unpriced = graph(ask_fake)
"""
WAYS = ("awaited", "threaded", "pieces", "nested")
OTHERS = ("twice", "blocking", "unpriced")
AGENTS = """
agents:
{agents}
  hasty: {{kind: graph, graph: 'graphs/own.py:awaited', limits: {{run_timeout_s: 0.2}}}}
prices:
  openai:one: {{input_usd_per_million: 1, output_usd_per_million: 10}}
budgets:
  tenant: {{usd: 1}}
  tenants: {{poor: {{usd: 0.00001}}, frugal: {{tokens: 100000}}}}
"""
ONE = Decimal("0.000081")
"""11 tokens in, 7 out."""
NONE = Decimal(0)


@pytest.fixture(scope="module")
async def crib(peer: Peer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[toolcrib.Crib]:
    root = tmp_path_factory.mktemp("own")
    (root / "graphs").mkdir()
    (root / "graphs" / "own.py").write_text(GRAPHS.format(url=peer.url))
    agents = "\n".join(f"  {name}: {{kind: graph, graph: 'graphs/own.py:{name}'}}" for name in (*WAYS, *OTHERS))
    (root / "agents.yaml").write_text(AGENTS.format(agents=agents))
    async with toolcrib.open(root) as found:
        yield found


async def run(crib: toolcrib.Crib, agent: str, tenant: str) -> RunResult:
    with anyio.fail_after(20):
        return await crib.run(agent, "Hello?", tenant=tenant)


async def stands(crib: toolcrib.Crib, tenant: str) -> tuple[Decimal, Decimal]:
    """What the tenant has spent, and what is set aside."""
    accounts = [one.state for one in await crib.budgets(scope="tenant", tenant=tenant)]
    return sum((one.spent.usd for one in accounts), Decimal(0)), sum((one.reserved.usd for one in accounts), Decimal(0))


@pytest.mark.parametrize("way", WAYS)
async def test_each_way_to_ask_is_paid_and_told(crib: toolcrib.Crib, peer: Peer, way: str) -> None:
    peer.reset(one=[Say(text="Hello!")])
    result = await run(crib, way, f"of-{way}")

    assert (result.output.strip(), result.iterations, result.cost_usd) == ("Hello!", 1, ONE)
    assert (result.input_tokens, result.output_tokens) == (11, 7)
    assert result.trace[0] == {
        **{"kind": "model", "model": "openai:one", "release": crib.release.id, "attempts": 1},
        **{"input_tokens": 11, "output_tokens": 7, "cost_usd": "0.000081", "tool_calls": []},
    }
    assert await stands(crib, f"of-{way}") == (ONE, NONE)
    [record] = [one for one in await crib.recent_runs() if one.run_id == result.run_id]
    assert record.cost_usd == ONE
    assert f'agent_cost_usd_total{{agent="{way}",model="openai:one"'.encode() in await crib.metrics()


async def test_models_that_are_asked_at_once_are_all_paid(crib: toolcrib.Crib, peer: Peer) -> None:
    peer.reset(one=[Say(text="Hello!")])
    result = await run(crib, "twice", "both")

    assert (result.cost_usd, result.iterations) == (2 * ONE, 2)
    assert await stands(crib, "both") == (2 * ONE, NONE)


@pytest.mark.parametrize("way", WAYS)
async def test_without_room_in_a_budget_no_model_is_asked(crib: toolcrib.Crib, peer: Peer, way: str) -> None:
    peer.reset(one=[Say(text="never")])
    result = await run(crib, way, "poor")

    assert result.error is not None
    assert (result.error.code, peer.asked) == ("budget_exceeded", [])
    assert "the next call of 'openai:one' may cost" in result.error.message
    assert await stands(crib, "poor") == (NONE, NONE)


async def test_a_model_that_fails_and_one_that_is_left_cost_nothing(crib: toolcrib.Crib, peer: Peer) -> None:
    peer.reset(one=[Refuse(status=500), Hang()])
    failed = await run(crib, "awaited", "unlucky")
    late = await run(crib, "hasty", "unlucky")
    task = asyncio.create_task(run(crib, "awaited", "unlucky"))
    with anyio.fail_after(5):
        await peer.hanging.wait()
    peer.hanging.clear()
    task.cancel()
    await asyncio.wait([task])

    assert [one.error and one.error.code for one in (failed, late)] == ["run_failed", "run_timeout"]
    assert await stands(crib, "unlucky") == (NONE, NONE)


async def test_a_call_that_blocks_the_event_loop_is_paid_afterwards(crib: toolcrib.Crib) -> None:
    result = await run(crib, "blocking", "frugal")
    accounts = [one.state for one in await crib.budgets(scope="tenant", tenant="frugal")]

    assert (result.output, result.iterations) == ("blocks", 1)
    assert result.trace[0]["estimated"] is True
    assert [one.spent.tokens for one in accounts] == [result.input_tokens + result.output_tokens]


async def test_a_model_without_a_price_is_refused_where_dollars_are_limited(crib: toolcrib.Crib) -> None:
    result = await run(crib, "unpriced", "acme")
    unlimited = await run(crib, "unpriced", "frugal")

    assert result.error is not None
    assert result.error.code == "price_unknown"
    assert (unlimited.output, unlimited.cost_usd) == ("blocks", None)

"""Budgets under runs of agents: 200 at once, over SQLite; a limit in the middle of a run; a process that died."""

import asyncio
import random
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.checkpoint.memory import InMemorySaver
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.unit.agents.scripted import OneModel, calls, release_of
from toolcrib import tool
from toolcrib.agents.factory import build_agent
from toolcrib.agents.money.book import PriceBook
from toolcrib.agents.money.purse import PursePorts
from toolcrib.agents.parts import AgentParts
from toolcrib.core.agents import AgentLimits, AgentSpec
from toolcrib.core.errors import BudgetExceeded
from toolcrib.core.models import ModelPlan
from toolcrib.core.money import AccountLimit, AccountState, Amount, Budget, Budgets, ModelPrice, Spending
from toolcrib.core.redaction import Secrets
from toolcrib.core.results import RunResult
from toolcrib.core.stores.budgets import Reservation
from toolcrib.core.stores.ledger import RunRecord
from toolcrib.execution.executor import Executor
from toolcrib.execution.state.breaker import Circuits
from toolcrib.registry.registry import Registry
from toolcrib.registry.release import Release
from toolcrib.runs.accounts import Accounts
from toolcrib.runs.ports import RunPorts, RunRequest
from toolcrib.runs.service import RunService
from toolcrib.stores.memory.result_cache import MemoryResultCache
from toolcrib.stores.sql.budgets import SqlBudgetStore
from toolcrib.stores.sql.database import open_sqlite
from toolcrib.stores.sql.ledger import SqlRunLedger
from toolcrib.testing import CountingIds, FakeClock, FakeRandom, RecordingEvents
from toolcrib.tools.adapt import adapt

pytestmark = pytest.mark.anyio
MODELS = tuple(f"acme:m{number}" for number in range(5))
LONGEST = 400


@tool
async def double(number: int) -> int:
    """Double a number."""
    return 2 * number


class Talkative(BaseChatModel):
    """Answers at random: a tool call, an end, or nothing but an error; tells its tokens."""

    chance: Any

    @property
    def _llm_type(self) -> str:
        return "talkative"

    def bind_tools(self, tools: Any, **kwargs: Any) -> "Talkative":
        return self

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        for _ in range(self.chance.randrange(20)):
            await asyncio.sleep(0)
        fate = self.chance.randrange(7)
        if fate == 0:
            raise ConnectionError("the provider hung up")  # it is asked again
        if fate == 1:
            raise ValueError("the provider speaks in riddles")  # it is not
        goes_on = self.chance.random() < 0.2
        said = calls(("double", {"number": 4})) if goes_on else AIMessage("It is 8.")
        inputs, outputs = self.chance.randrange(1, 40), self.chance.randrange(1, LONGEST)
        usage = UsageMetadata(input_tokens=inputs, output_tokens=outputs, total_tokens=inputs + outputs)
        return ChatResult(generations=[ChatGeneration(message=said.model_copy(update={"usage_metadata": usage}))])


class Watched(SqlBudgetStore):
    """Looks at the tenant's account after each step."""

    highest = Decimal(0)

    async def reserve(self, reservation: Reservation) -> AccountState | None:
        answer = await super().reserve(reservation)
        await self.look()
        return answer

    async def look(self) -> None:
        for state in await self.accounts(scope="tenant"):
            self.highest = max(self.highest, state.held.usd)


@dataclass(frozen=True, kw_only=True)
class Shop:
    """Runs of agents on SQLite."""

    runs: RunService
    ledger: SqlRunLedger
    store: Watched
    accounts: Accounts


def shop(
    engine: AsyncEngine,
    model: BaseChatModel,
    spending: Spending,
    *,
    plan: ModelPlan | None = None,
    **limits: Any,
) -> Shop:
    clock, events, ids = FakeClock(), RecordingEvents(), CountingIds()
    release = release_of(adapt(double))
    tools = [one.spec for one in release.tools.values()]
    agents = {}
    for number, name in enumerate(MODELS):
        spec = AgentSpec(model=plan or name, model_options={"max_tokens": LONGEST}, limits=AgentLimits(**limits))
        parts = AgentParts(name=f"a{number}", spec=spec, prompt="", tools=tools, release=release.id)
        agents[parts.name] = build_agent(parts, graph=None, checkpointer=InMemorySaver())
    registry = Registry()
    registry.publish(replace(release, agents=agents, spending=spending), expected=0)
    store, ledger = Watched(engine, clock=clock), SqlRunLedger(engine)
    money = PursePorts(store=store, book=PriceBook(), clock=clock, ids=ids, emit=events.emit, process="p")
    accounts = Accounts(money, has_ended=lambda name: name == "dead")

    def load(digest: str) -> Awaitable[Release]:
        raise AssertionError(digest)

    def is_safe(last: RunRecord, newer: Release) -> Awaitable[bool]:
        raise AssertionError(last)

    ports = RunPorts(
        registry=registry,
        calls=Executor(ids=ids, clock=clock, events=events, circuits=Circuits(events=events)),
        models=OneModel(model),
        ledger=ledger,
        clock=clock,
        ids=ids,
        random=FakeRandom(),
        events=events,
        load=load,
        is_safe=is_safe,
        secrets=Secrets({}),
        cache=MemoryResultCache(max_bytes=1 << 20, clock=FakeClock(), memory_used=lambda: 0.0),
        accounts=accounts,
        process="p",
    )
    return Shop(runs=RunService(ports, concurrency=64), ledger=ledger, store=store, accounts=accounts)


async def test_200_runs_at_once_stay_within_a_dollar_and_their_records_sum_to_the_account(tmp_path: Path) -> None:
    chance = random.Random(7)
    prices = {
        name: ModelPrice(
            input_usd_per_million=Decimal(chance.randrange(1, 20_000_000)) / 1_000_000,
            output_usd_per_million=Decimal(chance.randrange(1, 150_000_000)) / 1_000_000,
        )
        for name in MODELS
    }
    spending = Spending(budgets=Budgets(tenant=Budget(usd=Decimal(1), per="day")), prices=prices)
    async with open_sqlite(tmp_path / "toolcrib.db") as engine:
        at = shop(engine, Talkative(chance=chance), spending)

        async def one(number: int) -> RunResult:
            request = RunRequest(agent=f"a{number % len(MODELS)}", question="twice 4?", tenant="acme")
            task = asyncio.ensure_future(at.runs.run(request))
            if number % 20 == 0:  # its caller goes away
                asyncio.get_running_loop().call_soon(task.cancel)
            return await task

        results = await asyncio.gather(*(one(number) for number in range(200)), return_exceptions=True)
        [tenant] = await at.store.accounts(scope="tenant")
        records = await at.ledger.runs(limit=1_000)
    done = [result for result in results if isinstance(result, RunResult)]
    codes = {result.error.code for result in done if result.error}
    assert codes == {"budget_exceeded", "model_failed"}, "some found no room, some providers failed"
    assert any(result.success for result in done)
    assert Decimal("0.5") < at.store.highest <= 1
    assert tenant.reserved == Amount()
    assert tenant.spent.usd == sum(record.cost_usd or Decimal(0) for record in records) > Decimal("0.5")
    assert tenant.spent.tokens == sum(record.input_tokens + record.output_tokens for record in records)
    assert sum(result.cost_usd or Decimal(0) for result in done) == tenant.spent.usd


class Scripted(Talkative):
    """Calls the tool for ever, at a thousand tokens an answer."""

    async def _agenerate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        usage = UsageMetadata(input_tokens=900, output_tokens=100, total_tokens=1_000)
        said = calls(("double", {"number": 4})).model_copy(update={"usage_metadata": usage})
        return ChatResult(generations=[ChatGeneration(message=said)])


PRICES = {"acme:*": ModelPrice(input_usd_per_million=Decimal(1), output_usd_per_million=Decimal(10))}


async def test_a_run_that_comes_to_its_limit_keeps_what_it_did_until_then(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "toolcrib.db") as engine:
        at = shop(engine, Scripted(chance=None), Spending(prices=PRICES), cost_usd=Decimal("0.01"))
        result = await at.runs.run(RunRequest(agent="a0", question="twice 4?"))
        record = await at.ledger.find(result.run_id)
    assert result.error is not None
    assert result.error.code == BudgetExceeded.code
    assert "$0.0057 spent, $0 reserved, $0.01 the limit" in result.error.message
    assert [step["kind"] for step in result.trace] == ["model", "tool"] * 3
    assert [step["cost_usd"] for step in result.trace if step["kind"] == "model"] == ["0.0019"] * 3
    assert result.cost_usd == Decimal("0.0057")
    assert record is not None
    assert (record.status, record.cost_usd, record.input_tokens) == ("error", Decimal("0.0057"), 2_700)
    assert result.to_dict()["cost_usd"] == "0.0057"


async def test_near_its_limit_a_run_goes_on_with_the_cheapest_tier(tmp_path: Path) -> None:
    plan = ModelPlan(simple="acme:small", medium="acme:m", complex="acme:l", route="complex")
    free = {"acme:small": ModelPrice(max_output_tokens=1)}
    spending = Spending(budgets=Budgets(soft=Decimal("0.4")), prices=free | PRICES)
    async with open_sqlite(tmp_path / "toolcrib.db") as engine:
        at = shop(engine, Scripted(chance=None), spending, plan=plan, cost_usd=Decimal("0.01"), iterations=5)
        result = await at.runs.run(RunRequest(agent="a0", question="twice 4?"))
    models = [step for step in result.trace if step["kind"] == "model"]
    assert [step["tier"] for step in models] == ["complex"] * 3 + ["simple"] * 2
    assert [step["model"] for step in models] == ["acme:l"] * 3 + ["acme:small"] * 2
    assert result.cost_usd == Decimal("0.0057")
    assert result.error is not None
    assert result.error.code == "iteration_limit", "no budget stopped it"


async def test_what_a_dead_process_had_reserved_counts_for_the_run_that_goes_on(tmp_path: Path) -> None:
    """The call may have been paid for, and nobody knows."""
    spending = Spending(budgets=Budgets(tenant=Budget(usd=Decimal(1))), prices=PRICES)
    async with open_sqlite(tmp_path / "toolcrib.db") as engine:
        at = shop(engine, Scripted(chance=None), spending)
        ended = await at.runs.run(RunRequest(agent="a0", question="twice 4?", tenant="acme"))
        [run] = await at.store.accounts(scope="run")
        [tenant] = await at.store.accounts(scope="tenant")
        assert run.spent == tenant.spent
        assert ended.cost_usd == run.spent.usd
        left = Reservation(
            id="left",
            amount=Amount(usd=Decimal("0.5"), tokens=9),
            limits=dict.fromkeys((run.account, tenant.account), AccountLimit()),
            process="dead",
        )
        await at.store.reserve(left)
        await at.accounts.tend()
        [after] = await at.store.accounts(scope="tenant")
        assert after.spent == tenant.spent + left.amount
        assert after.reserved == Amount()

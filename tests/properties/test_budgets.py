"""Spent and reserved never exceed a limit, whatever comes together; and what runs cost is what their account says."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.messages.ai import UsageMetadata

from tests.virtual import LoopClock, run_virtually
from toolcrib.agents.money.book import PriceBook
from toolcrib.agents.money.purse import Order, Purse, PursePorts
from toolcrib.core.errors import BudgetExceeded
from toolcrib.core.money import (
    NOTHING,
    Account,
    AccountLimit,
    AccountState,
    Amount,
    Budget,
    Budgets,
    ModelPrice,
    Spender,
    Spending,
)
from toolcrib.core.stores.budgets import Reservation
from toolcrib.stores.memory.budgets import MemoryBudgetStore
from toolcrib.testing import CountingIds

QUESTION = [HumanMessage("How far is it?")]
prices = st.decimals(min_value=0, max_value=2_000, places=6)
dollars = st.decimals(min_value=0, max_value=2, places=6)


class Watched(MemoryBudgetStore):
    """A store that looks at every account after every step."""

    def __init__(self, clock: LoopClock) -> None:
        super().__init__(clock=clock)
        self.limits: dict[Account, AccountLimit] = {}

    async def reserve(self, reservation: Reservation) -> AccountState | None:
        self.limits.update(reservation.limits)
        answer = await super().reserve(reservation)
        await self.look()
        return answer

    async def settle(self, reservation_id: str, spent: Amount) -> bool:
        answer = await super().settle(reservation_id, spent)
        await self.look()
        return answer

    async def look(self) -> None:
        for account, limit in self.limits.items():
            [state] = await self.states([account])
            assert state.reserved.usd >= 0
            assert state.reserved.tokens >= 0
            assert limit.usd is None or state.held.usd <= limit.usd
            assert limit.tokens is None or state.held.tokens <= limit.tokens


@dataclass(frozen=True, kw_only=True)
class Step:
    """One attempt: when the run makes it, how long it takes, how long the answer is, and whether it comes."""

    model: str
    pause: float
    takes: float
    length: int
    share: float
    fails: bool


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One run, and when its caller goes away."""

    tenant: str
    thread: str
    steps: Sequence[Step]
    leaves: float | None


steps = st.builds(
    Step,
    model=st.sampled_from("abc"),
    pause=st.floats(0, 3),
    takes=st.floats(0, 3),
    length=st.integers(1, 400),
    share=st.floats(0, 1),
    fails=st.booleans(),
)
plans = st.builds(
    Plan,
    tenant=st.sampled_from(["acme", ""]),
    thread=st.sampled_from(["t1", "t2"]),
    steps=st.lists(steps, min_size=1, max_size=4),
    leaves=st.none() | st.floats(0, 8),
)
budgets = st.builds(
    Budgets,
    thread=st.none() | st.builds(Budget, usd=dollars),
    tenant=st.builds(Budget, usd=dollars, per=st.sampled_from([None, "day"])),
    agent=st.none() | st.builds(Budget, tokens=st.integers(0, 5_000)),
)


async def take(plan: Plan, purse: Purse, clock: LoopClock) -> None:
    async def ask(step: Step) -> AIMessage:
        await clock.sleep(step.takes)
        if step.fails:
            raise ConnectionError
        outputs = int(step.length * step.share)
        usage = UsageMetadata(input_tokens=int(10 * step.share), output_tokens=outputs, total_tokens=outputs)
        return AIMessage("x", usage_metadata=usage)

    for step in plan.steps:
        await clock.sleep(step.pause)
        order = Order(model=step.model, options={"max_tokens": step.length}, messages=QUESTION)
        try:
            await purse.pay(order, partial(ask, step))
        except (ConnectionError, BudgetExceeded):
            continue


async def all_of(drawn: Sequence[Plan], rules: Budgets, table: Mapping[str, ModelPrice]) -> None:
    clock = LoopClock()
    store = Watched(clock)
    ports = PursePorts(
        store=store, book=PriceBook(), clock=clock, ids=CountingIds(), emit=lambda event: None, process="p"
    )
    spending = Spending(budgets=rules, prices=table)
    purses: dict[str, Purse] = {}
    tasks = []
    for number, plan in enumerate(drawn):
        who = Spender(run_id=str(number), thread_id=plan.thread, agent="a", tenant=plan.tenant)
        purse = purses[who.run_id] = Purse(ports, spending=spending, spender=who, release="r-1")
        task = asyncio.create_task(take(plan, purse, clock))
        if plan.leaves is not None:
            asyncio.get_running_loop().call_later(plan.leaves, task.cancel)
        tasks.append(task)
    await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        if not task.cancelled():
            task.result()
    bills = {run: sum((bill.usd or Decimal(0) for bill in purse.bills), Decimal(0)) for run, purse in purses.items()}
    for run, cost in bills.items():
        [state] = await store.states([Account(scope="run", tenant=drawn[int(run)].tenant, name=run)])
        assert state.spent.usd == cost
        assert state.reserved == NOTHING
    for state in await store.accounts(scope="tenant"):
        mine = [run for run in bills if drawn[int(run)].tenant == state.account.tenant]
        assert state.spent.usd == sum(bills[run] for run in mine)
        assert state.reserved == NOTHING


@settings(max_examples=60)
@given(
    drawn=st.lists(plans, min_size=1, max_size=12),
    rules=budgets,
    each=st.tuples(prices, prices, prices),
)
def test_no_interleaving_exceeds_a_limit_and_every_account_holds_exactly_what_its_runs_cost(
    drawn: Sequence[Plan], rules: Budgets, each: tuple[Decimal, Decimal, Decimal]
) -> None:
    table = {
        name: ModelPrice(input_usd_per_million=usd, output_usd_per_million=usd * 2)
        for name, usd in zip("abc", each, strict=True)
    }
    run_virtually(all_of(drawn, rules, table))

"""The purse: what is set aside before a model is asked, what is paid after, and what a run without room hears."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import anyio
import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.messages.ai import UsageMetadata

from toolcrib.agents.money.book import PriceBook
from toolcrib.agents.money.estimate import prompt_tokens
from toolcrib.agents.money.purse import Order, Paid, Purse, PursePorts
from toolcrib.core.errors import BudgetExceeded, ModelUnavailable, PriceUnknown, StoreUnavailable
from toolcrib.core.events import BudgetRefused
from toolcrib.core.models import Tier
from toolcrib.core.money import (
    AccountLimit,
    AccountState,
    Amount,
    Budget,
    Budgets,
    ModelPrice,
    Spender,
    Spending,
    plain,
)
from toolcrib.stores.memory.budgets import MemoryBudgetStore
from toolcrib.testing import CountingIds, FakeClock, RecordingEvents

pytestmark = pytest.mark.anyio
PRICE = ModelPrice(
    input_usd_per_million=Decimal(1), cached_input_usd_per_million=Decimal("0.1"), output_usd_per_million=Decimal(10)
)
PRICES = {"acme:large": PRICE, "acme:mini-*": ModelPrice()}
DAY = Budget(usd=Decimal("0.01"), per="day")
MIDNIGHT = 1_700_006_400.0
"""The first one after the fake clock's `now`: 2023-11-15 00:00 UTC."""
QUESTION = [HumanMessage("Where is order A-42?")]
ASKED = prompt_tokens(QUESTION, ())


def said(inputs: int = 100, outputs: int = 10, **details: int) -> AIMessage:
    usage = UsageMetadata(input_tokens=inputs, output_tokens=outputs, total_tokens=inputs + outputs)
    if details:
        usage["input_token_details"] = {"cache_read": details["cache_read"]}
    return AIMessage("On its way.", usage_metadata=usage)


@dataclass(kw_only=True)
class Till:
    """A store, a clock and events, and purses of runs that share them."""

    budgets: Budgets = field(default_factory=lambda: Budgets(tenant=DAY))
    prices: Mapping[str, ModelPrice] = field(default_factory=lambda: PRICES)
    clock: FakeClock = field(default_factory=FakeClock)
    events: RecordingEvents = field(default_factory=RecordingEvents)

    def __post_init__(self) -> None:
        self.store = MemoryBudgetStore(clock=self.clock)
        self.ports = PursePorts(
            store=self.store,
            book=PriceBook(),
            clock=self.clock,
            ids=CountingIds(),
            emit=self.events.emit,
            process="p",
        )

    def purse(self, run_id: str = "run-1", *, tenant: str = "acme", limit: AccountLimit | None = None) -> Purse:
        spender = Spender(run_id=run_id, thread_id="th", agent="support", tenant=tenant, limit=limit or AccountLimit())
        spending = Spending(budgets=self.budgets, prices=self.prices)
        return Purse(self.ports, spending=spending, spender=spender, release="r-1")

    async def stands(self, scope: str = "tenant") -> AccountState:
        [state] = await self.store.accounts(scope=scope)
        return state


class Broken(MemoryBudgetStore):
    """A store that takes no settlement."""

    async def settle(self, reservation_id: str, spent: Amount) -> bool:
        raise StoreUnavailable("the disk is full")


async def pay(purse: Purse, message: AIMessage | Exception, *, model: str = "acme:large", **options: Any) -> Paid:
    async def ask() -> AIMessage:
        if isinstance(message, Exception):
            raise message
        return message

    return await purse.pay(Order(model=model, options={"max_tokens": 100} | options, messages=QUESTION), ask)


async def test_the_most_an_attempt_can_cost_is_set_aside_and_then_what_it_cost_is_paid() -> None:
    till = Till()
    seen: list[AccountState] = []

    async def ask() -> AIMessage:
        seen.append(await till.stands())
        return said(1_000, 50, cache_read=400)

    order = Order(model="acme:large", options={"max_tokens": 100}, messages=QUESTION)
    paid = await till.purse().pay(order, ask)
    assert seen[0].reserved == Amount(usd=(ASKED * Decimal(1) + 100 * Decimal(10)) / 1_000_000, tokens=ASKED + 100)
    assert paid.bill.to_dict() == {
        **{"input_tokens": 1_000, "output_tokens": 50, "cached_input_tokens": 400},
        "cost_usd": "0.00114",
    }
    for scope in ("tenant", "run"):
        state = await till.stands(scope)
        assert (state.spent, state.reserved) == (Amount(usd=Decimal("0.00114"), tokens=1_050), Amount())


async def test_a_run_without_any_limit_has_its_cost_and_no_account() -> None:
    till = Till(budgets=Budgets())
    assert (await pay(till.purse(), said(100, 10))).bill.usd == Decimal("0.0002")
    assert await till.store.accounts(scope="run") == []


async def test_a_failed_attempt_costs_nothing_and_its_error_is_told() -> None:
    till = Till()
    with pytest.raises(ModelUnavailable):
        await pay(till.purse(), ModelUnavailable("down"))
    assert (await till.stands()).held == Amount()


async def test_a_cancelled_attempt_costs_nothing() -> None:
    till, begun = Till(), asyncio.Event()

    async def ask() -> AIMessage:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    order = Order(model="acme:large", options={"max_tokens": 100}, messages=QUESTION)
    task = asyncio.create_task(till.purse().pay(order, ask))
    with anyio.fail_after(5):
        await begun.wait()
    assert (await till.stands()).reserved != Amount()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await till.stands()).held == Amount()


async def test_an_attempt_that_is_cancelled_while_it_reserves_leaves_nothing_reserved() -> None:
    class Slow(MemoryBudgetStore):
        written = asyncio.Event()

        async def reserve(self, reservation: Any) -> AccountState | None:
            answer = await super().reserve(reservation)
            self.written.set()
            await asyncio.Event().wait()
            return answer

    till = Till()
    slow = Slow(clock=till.clock)
    till.store, till.ports = (
        slow,
        PursePorts(store=slow, book=PriceBook(), clock=till.clock, ids=CountingIds(), emit=till.events.emit),
    )
    task = asyncio.create_task(pay(till.purse(), said()))
    with anyio.fail_after(5):
        await slow.written.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await till.stands()).held == Amount()


async def test_a_store_that_cannot_let_go_does_not_hide_why_the_attempt_failed() -> None:
    till = Till()
    broken = Broken(clock=till.clock)
    till.ports = PursePorts(store=broken, book=PriceBook(), clock=till.clock, ids=CountingIds(), emit=till.events.emit)
    with pytest.raises(ModelUnavailable):
        await pay(till.purse(), ModelUnavailable("down"))


async def test_an_answer_that_cannot_be_paid_now_is_given_and_owed() -> None:
    till = Till()
    broken = Broken(clock=till.clock)
    till.ports = PursePorts(store=broken, book=PriceBook(), clock=till.clock, ids=CountingIds(), emit=till.events.emit)
    paid = await pay(till.purse(), said(100, 10))

    assert paid.message == said(100, 10)
    assert list(till.ports.owed.values()) == [Amount(usd=Decimal("0.0002"), tokens=110)]


async def test_an_answer_whose_price_was_still_looked_up_is_on_the_bill_of_a_cancelled_run() -> None:
    class Slow(PriceBook):
        asked = asyncio.Event()

        async def find(self, model: str, prices: Mapping[str, ModelPrice]) -> None:
            self.asked.set()
            await asyncio.Event().wait()

    till, book = Till(budgets=Budgets()), Slow()
    till.ports = PursePorts(store=till.store, book=book, clock=till.clock, ids=CountingIds(), emit=till.events.emit)
    purse = till.purse()
    task = asyncio.create_task(pay(purse, said(100, 10)))
    with anyio.fail_after(5):
        await book.asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert [(bill.usage.total, bill.usd) for bill in purse.bills] == [(110, None)]


async def test_without_room_the_model_is_not_asked_and_the_refusal_says_all() -> None:
    till = Till()
    await pay(till.purse(), said(100, 900))  # longer than it was allowed to be: $0.0091 are recorded truthfully
    asked = False

    async def ask() -> AIMessage:
        nonlocal asked
        asked = True
        return said()

    order = Order(model="acme:large", options={"max_tokens": 100}, messages=QUESTION)
    with pytest.raises(BudgetExceeded) as refused:
        await till.purse("run-2").pay(order, ask)
    assert not asked
    most = plain((ASKED + 1_000) * Decimal("0.000001"))
    assert refused.value.message == (
        "No room in the budget of tenant 'acme' on 2023-11-14 (budgets.tenant): $0.0091 spent, $0 reserved, "
        f"$0.01 the limit; the next call of 'acme:large' may cost ${most}. It renews at 2023-11-15 00:00 UTC."
    )
    assert "budgets.tenant" in refused.value.hint
    [event] = till.events.of(BudgetRefused)
    assert (event.scope, event.tenant, event.run_id, event.model) == ("tenant", "acme", "run-2", "acme:large")
    assert (await till.stands()).held == Amount(usd=Decimal("0.0091"), tokens=1_000)


async def test_the_next_day_has_a_budget_of_its_own() -> None:
    till = Till()
    await pay(till.purse(), said(100, 900))
    with pytest.raises(BudgetExceeded):
        await pay(till.purse(), said())
    till.clock.at_now = MIDNIGHT
    assert (await pay(till.purse(), said())).bill.usd == Decimal("0.0002")
    assert [one.account.period for one in await till.store.accounts()] == ["2023-11-14", "2023-11-15"]


async def test_a_single_run_is_limited_in_dollars_and_in_tokens() -> None:
    till = Till(budgets=Budgets())
    purse = till.purse(limit=AccountLimit(tokens=480))
    await pay(purse, said(300, 50))
    with pytest.raises(BudgetExceeded, match=r"of run 'run-1' \(agents.support.limits\): 350 tokens spent, 0 reserved"):
        await pay(purse, said())
    assert (await pay(till.purse("run-2", limit=AccountLimit(tokens=500)), said())).bill.usage.total == 110
    with pytest.raises(BudgetExceeded, match=r"\$0\.0005 the limit"):
        await pay(till.purse("run-3", limit=AccountLimit(usd=Decimal("0.0005"))), said())


async def test_a_tenant_and_an_agent_may_have_a_budget_of_their_own() -> None:
    own = {"tenants": {"globex": Budget(usd=Decimal(1))}, "agents": {"support": Budget(tokens=200)}}
    till = Till(budgets=Budgets(tenant=Budget(usd=Decimal(0)), **own))  # type: ignore[arg-type]  # fields by name
    with pytest.raises(BudgetExceeded, match="tenant 'acme'"):
        await pay(till.purse(tenant="acme"), said())
    await pay(till.purse(tenant="globex"), said())
    with pytest.raises(BudgetExceeded, match=r"agent 'support' \(budgets\.agents\.support\)"):
        await pay(till.purse(tenant="globex"), said())


@pytest.mark.parametrize(("policy", "usd"), [("zero", Decimal(0)), ("estimate", Decimal("0.00225")), ("reject", None)])
async def test_a_model_without_a_price_costs_what_the_policy_says(policy: Any, usd: Decimal | None) -> None:
    tenant = Budget(usd=Decimal(1)) if usd is not None else Budget(tokens=10_000)
    till = Till(budgets=Budgets(tenant=tenant, unknown_price=policy))
    assert (await pay(till.purse(), said(), model="nobody:knows")).bill.usd == usd
    assert (await till.stands()).spent == Amount(usd=usd or Decimal(0), tokens=110)


async def test_where_dollars_are_limited_a_model_without_a_price_is_not_asked() -> None:
    with pytest.raises(PriceUnknown, match="No price is known for model 'nobody:knows'"):
        await pay(Till().purse(), said(), model="nobody:knows")


async def test_what_a_model_does_not_tell_is_estimated_and_marked() -> None:
    till = Till()
    bill = (await pay(till.purse(), AIMessage("On its way."))).bill
    assert bill.estimated
    assert bill.usage.input_tokens == ASKED
    assert bill.usd == (await till.stands()).spent.usd > 0
    free = await pay(till.purse(), AIMessage("hello"), model="offline")
    assert free.bill.to_dict() == {"input_tokens": 0, "output_tokens": 0, "cost_usd": "0"}


async def test_near_a_limit_the_cheapest_tier_answers() -> None:
    till = Till(budgets=Budgets(tenant=DAY, soft=Decimal("0.5")))
    tiers: tuple[Tier, ...] = ("simple", "complex")
    assert await till.purse().tier("complex", tiers) == "complex"
    await pay(till.purse(), said(0, 499))
    assert await till.purse().tier("complex", tiers) == "complex"
    await pay(till.purse(), said(0, 1))
    assert await till.purse().tier("complex", tiers) == "simple"
    assert await till.purse().tier("complex", ("complex",)) == "complex"
    assert await till.purse(tenant="globex").tier("complex", tiers) == "complex"


async def test_a_run_knows_what_it_has_spent() -> None:
    till = Till()
    await pay(till.purse(), said(100, 10))
    await pay(till.purse("run-2"), said(100, 10))
    assert await till.purse().spent() == Amount(usd=Decimal("0.0002"), tokens=110)

"""Accounts of an open project: what dead processes left, what a run that goes on has cost, what is swept out."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support import make_release
from toolcrib.agents.money.book import PriceBook
from toolcrib.agents.money.purse import Purse, PursePorts
from toolcrib.core.agents import Agent, AgentSpec
from toolcrib.core.money import Account, AccountLimit, Amount, Budget, Budgets, Spending
from toolcrib.core.stores.budgets import Reservation
from toolcrib.core.stores.ledger import RunRecord
from toolcrib.registry.release import Release
from toolcrib.runs.accounts import KEPT_S, Accounts
from toolcrib.stores.memory.budgets import MemoryBudgetStore
from toolcrib.testing import CountingIds, FakeClock, RecordingEvents

pytestmark = pytest.mark.anyio
RECORD = RunRecord(run_id="run-1", thread_id="th", agent="support", release="r", tenant="acme", cost_usd=Decimal(3))
RUN = Account(scope="run", tenant="acme", name="run-1")
AGENT = Agent(name="support", spec=AgentSpec(), prompt="", tools=(), graph=None, release="r-1")
SPENT = Amount(usd=Decimal("0.5"), tokens=9)


def opened() -> tuple[Accounts, MemoryBudgetStore, FakeClock]:
    clock = FakeClock()
    store = MemoryBudgetStore(clock=clock)
    ports = PursePorts(
        store=store, book=PriceBook(), clock=clock, ids=CountingIds(), emit=RecordingEvents().emit, process="me"
    )
    return Accounts(ports, has_ended=lambda process: process == "dead"), store, clock


def limited(**budgets: Budget) -> Release:
    return replace(make_release(), spending=Spending(budgets=Budgets(**budgets)))  # type: ignore[arg-type]  # by name


def left_by(process: str) -> Reservation:
    return Reservation(id=process, amount=SPENT, limits={RUN: AccountLimit()}, process=process)


async def test_only_what_dead_processes_had_reserved_counts_as_spent() -> None:
    accounts, store, _ = opened()
    for process in ("dead", "alive", "me"):
        await store.reserve(left_by(process))
    await accounts.tend()
    [state] = await store.states([RUN])
    assert (state.spent, state.reserved) == (SPENT, SPENT + SPENT)


async def test_what_the_store_could_not_be_told_is_paid_when_it_can() -> None:
    _, store, clock = opened()
    ports = PursePorts(store=store, book=PriceBook(), clock=clock, ids=CountingIds(), emit=RecordingEvents().emit)
    accounts = Accounts(ports, has_ended=lambda process: False)
    await store.reserve(left_by("me"))
    ports.owed["me"] = Amount(usd=Decimal("0.1"), tokens=1)
    await accounts.tend()
    [state] = await store.states([RUN])
    assert (state.spent, state.reserved, ports.owed) == (Amount(usd=Decimal("0.1"), tokens=1), Amount(), {})


async def test_a_run_that_goes_on_has_cost_what_its_account_says_where_it_has_one() -> None:
    accounts, store, _ = opened()
    await store.reserve(left_by("dead"))
    behind = replace(RECORD, cost_usd=Decimal("0.2"))
    known = await accounts.known(behind, AGENT, limited(tenant=Budget(usd=Decimal(1))))
    assert known.cost_usd == SPENT.usd, "with what its dead process had reserved"
    assert await accounts.known(behind, AGENT, limited()) == behind


async def test_what_a_run_that_goes_on_has_cost_is_never_lowered_and_never_guessed() -> None:
    accounts, store, _ = opened()
    dollars, tokens = limited(tenant=Budget(usd=Decimal(1))), limited(tenant=Budget(tokens=10))
    unknown = replace(RECORD, cost_usd=None)
    await store.reserve(left_by("dead"))

    assert (await accounts.known(RECORD, AGENT, dollars)).cost_usd == Decimal(3)
    assert (await accounts.known(unknown, AGENT, tokens)).cost_usd is None, "only tokens are limited: no price is due"
    assert (await accounts.known(replace(unknown, finished_at=1.0), AGENT, dollars)).cost_usd is None

    lost = replace(unknown, run_id="run-2")
    assert (await accounts.known(lost, AGENT, dollars)).cost_usd == 0, "its end was never written, every price is known"


async def test_old_accounts_are_swept_now_and_then() -> None:
    accounts, store, clock = opened()
    await store.reserve(left_by("me"))
    await store.settle("me", SPENT)
    await accounts.tend()
    clock.advance(KEPT_S + 1)
    assert await store.accounts(scope="run") != []
    await accounts.tend()
    assert await store.accounts(scope="run") == []


async def test_the_status_of_accounts_has_the_limits_of_the_release_that_serves() -> None:
    accounts, store, clock = opened()
    release = limited(tenant=Budget(usd=Decimal(1), per="day"))
    purse: Purse = accounts.purse(RECORD, AGENT, release)
    assert await purse.is_tight() is False
    [_, bound] = release.spending.bounds(purse.spender, now=clock.now())
    await store.reserve(replace(left_by("me"), limits={bound.account: bound.limit}))
    [status] = await accounts.status(release.spending)
    document = status.to_dict()
    assert (document["limit_usd"], document["reserved_usd"], document["period"]) == ("1", "0.5", "2023-11-14")
    clock.advance(86_400)
    assert await accounts.status(release.spending) == [], "its day is over"

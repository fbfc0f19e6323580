"""What every `BudgetStore` does, in memory and on SQL."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support import make_release
from toolcrib.agents.money.book import PriceBook
from toolcrib.agents.money.purse import PursePorts
from toolcrib.core.agents import Agent, AgentLimits, AgentSpec
from toolcrib.core.money import NOTHING, Account, AccountLimit, AccountState, Amount, plain
from toolcrib.core.stores.budgets import BudgetStore, Reservation
from toolcrib.core.stores.ledger import RunRecord
from toolcrib.runs.accounts import KEPT_S, Accounts
from toolcrib.stores.memory.budgets import MemoryBudgetStore
from toolcrib.stores.sql.budgets import SqlBudgetStore
from toolcrib.stores.sql.database import open_sqlite
from toolcrib.testing import CountingIds, FakeClock, RecordingEvents

pytestmark = pytest.mark.anyio
NOW = 1_000.0
RUN = Account(scope="run", tenant="acme", name="run-1")
TENANT = Account(scope="tenant", tenant="acme", period="2026-11-21", renews_at=2_000.0)
AGENT = Account(scope="agent", name="support", period="2026-11", renews_at=9_000.0)
NO_LIMIT = AccountLimit()


@pytest.fixture(params=["memory", "sql"])
async def budgets(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BudgetStore]:
    clock = FakeClock(now=NOW)
    if request.param == "memory":
        yield MemoryBudgetStore(clock=clock)
        return
    async with open_sqlite(tmp_path / "folder" / "toolcrib.db") as engine:
        yield SqlBudgetStore(engine, clock=clock)


def amount(usd: str, tokens: int = 1) -> Amount:
    return Amount(usd=Decimal(usd), tokens=tokens)


def asks(
    number: int, usd: str, *accounts: Account, limit: AccountLimit = NO_LIMIT, process: str = "p", tokens: int = 1
) -> Reservation:
    return Reservation(
        id=str(number), amount=amount(usd, tokens), limits=dict.fromkeys(accounts, limit), process=process, at=NOW
    )


async def stands(budgets: BudgetStore, account: Account) -> tuple[str, str]:
    """Dollars spent and reserved."""
    [state] = await budgets.states([account])
    return plain(state.spent.usd), plain(state.reserved.usd)


async def test_what_is_reserved_and_then_spent_stands_in_every_account(budgets: BudgetStore) -> None:
    assert await budgets.reserve(asks(1, "0.5", RUN, TENANT, tokens=7)) is None
    held = AccountState(account=TENANT, reserved=amount("0.5", 7))
    assert await budgets.states([TENANT, AGENT]) == [held, AccountState(account=AGENT)]
    assert await budgets.settle("1", amount("0.25", 3))
    for account in (RUN, TENANT):
        assert await budgets.states([account]) == [AccountState(account=account, spent=amount("0.25", 3))]
    assert await budgets.reserve(asks(2, "0.1", TENANT)) is None
    assert await stands(budgets, TENANT) == ("0.25", "0.1")


async def test_an_account_without_room_refuses_and_the_others_stay_as_they_are(budgets: BudgetStore) -> None:
    limit = AccountLimit(usd=Decimal(1))
    assert await budgets.reserve(asks(1, "0.6", TENANT, limit=limit)) is None
    wide = Reservation(id="2", amount=amount("0.5"), limits={AGENT: NO_LIMIT, TENANT: limit}, process="p", at=NOW)
    assert await budgets.reserve(wide) == AccountState(account=TENANT, reserved=amount("0.6"))
    assert await stands(budgets, AGENT) == ("0", "0")
    assert await stands(budgets, TENANT) == ("0", "0.6")
    assert not await budgets.settle("2", NOTHING)
    assert await budgets.reserve(asks(3, "0.4", TENANT, limit=limit)) is None  # to the last millionth
    assert await budgets.reserve(asks(4, "0.000000000001", TENANT, limit=limit)) is not None


async def test_tokens_are_limited_like_dollars(budgets: BudgetStore) -> None:
    limit = AccountLimit(tokens=10)
    assert await budgets.reserve(asks(1, "9", TENANT, limit=limit, tokens=6)) is None
    assert await budgets.reserve(asks(2, "9", TENANT, limit=limit, tokens=5)) is not None
    assert await budgets.reserve(asks(3, "9", TENANT, limit=limit, tokens=4)) is None


async def test_what_costs_nothing_has_room_in_an_account_that_is_over_its_limit(budgets: BudgetStore) -> None:
    await budgets.reserve(asks(1, "1", TENANT))
    await budgets.settle("1", amount("2"))  # the answer was longer than was to be expected
    limit = AccountLimit(usd=Decimal(1))
    assert await budgets.reserve(asks(2, "0.000001", TENANT, limit=limit)) is not None
    assert await budgets.reserve(asks(3, "0", TENANT, limit=limit)) is None


async def test_a_reservation_is_settled_once(budgets: BudgetStore) -> None:
    await budgets.reserve(asks(1, "1", TENANT))
    assert await budgets.settle("1", amount("0.1"))
    assert not await budgets.settle("1", amount("0.1"))
    assert not await budgets.settle("ghost", amount("0.1"))
    assert await stands(budgets, TENANT) == ("0.1", "0")


async def test_letting_go_leaves_nothing_reserved_and_nothing_spent(budgets: BudgetStore) -> None:
    await budgets.reserve(asks(1, "1", TENANT))
    assert await budgets.settle("1", NOTHING)
    assert await stands(budgets, TENANT) == ("0", "0")


async def test_sums_are_exact(budgets: BudgetStore) -> None:
    for number in range(50):
        await budgets.reserve(asks(number, "0.1", TENANT))
        await budgets.settle(str(number), amount("0.000000033333"))
    assert await stands(budgets, TENANT) == ("0.00000166665", "0")


async def test_of_many_at_once_no_more_are_let_in_than_fit(budgets: BudgetStore) -> None:
    limit = AccountLimit(usd=Decimal("1"))
    answers = await asyncio.gather(*(budgets.reserve(asks(n, "0.09", RUN, TENANT, limit=limit)) for n in range(30)))
    assert sum(answer is None for answer in answers) == 11
    assert await stands(budgets, TENANT) == ("0", "0.99")


async def test_what_a_dead_process_had_reserved_counts_as_spent(budgets: BudgetStore) -> None:
    await budgets.reserve(asks(1, "0.3", RUN, TENANT, process="dead"))
    await budgets.reserve(asks(2, "0.2", TENANT, process="dead"))
    await budgets.reserve(asks(3, "0.1", TENANT, process="alive"))
    assert await budgets.processes() == {"dead", "alive"}
    assert await budgets.take_over("dead") == 2
    assert await stands(budgets, TENANT) == ("0.5", "0.1")
    assert await stands(budgets, RUN) == ("0.3", "0")
    assert await budgets.processes() == {"alive"}
    assert await budgets.take_over("dead") == 0


async def test_accounts_are_listed_by_name_and_those_of_runs_only_when_asked_for(budgets: BudgetStore) -> None:
    other = Account(scope="tenant", tenant="globex", period="2026-11-20", renews_at=500.0)
    await budgets.reserve(asks(1, "1", TENANT, other, RUN, AGENT))

    async def listed(scope: str = "", tenant: str | None = None, now: float | None = None, limit: int = 100) -> object:
        found = await budgets.accounts(scope=scope, tenant=tenant, now=now, limit=limit)
        return [state.account for state in found]

    assert await listed() == [AGENT, TENANT, other]
    assert await listed(limit=2) == [AGENT, TENANT]
    assert await listed(now=NOW) == [AGENT, TENANT]
    assert await listed(tenant="acme") == [TENANT]
    assert await listed(scope="run") == [RUN]
    [state] = await budgets.accounts(scope="agent")
    assert (state.account.renews_at, state.reserved) == (9_000.0, amount("1"))


async def test_old_accounts_are_swept_but_none_that_somebody_needs(budgets: BudgetStore) -> None:
    thread = Account(scope="thread", name="t")
    await budgets.reserve(asks(1, "1", RUN, TENANT, AGENT, thread))
    assert await budgets.sweep(before=5_000.0) == 0
    await budgets.settle("1", amount("1"))
    assert await budgets.sweep(before=NOW) == 0
    assert await budgets.sweep(before=5_000.0) == 2
    assert [one.account for one in await budgets.accounts()] == [AGENT, thread]
    assert await budgets.accounts(scope="run") == []


async def test_a_run_that_goes_on_after_its_account_was_swept_has_spent_what_the_ledger_says(
    budgets: BudgetStore,
) -> None:
    """It waited for longer than accounts are kept; its limit must not begin anew."""
    clock, spec = FakeClock(now=NOW), AgentSpec(limits=AgentLimits(cost_usd=Decimal("3.5")))
    agent = Agent(name="support", spec=spec, prompt="", tools=(), graph=None, release="r-1")
    money = PursePorts(
        store=budgets, book=PriceBook(), clock=clock, ids=CountingIds(), emit=RecordingEvents().emit, process="p"
    )
    accounts = Accounts(money, has_ended=lambda process: False)
    record = RunRecord(run_id="run-1", thread_id="t", agent="support", release="r", tenant="acme", finished_at=NOW)
    record = replace(record, cost_usd=Decimal(3), input_tokens=5, output_tokens=4)
    await budgets.reserve(asks(1, "3", RUN))
    await budgets.settle("1", amount("3", 9))
    clock.advance(KEPT_S + 1)
    await accounts.tend()
    assert await budgets.accounts(scope="run") == []

    for _ in range(2):
        assert await accounts.known(record, agent, make_release()) == record
        assert await budgets.states([RUN]) == [AccountState(account=RUN, spent=amount("3", 9))]


async def test_two_openings_of_one_file_share_its_accounts(tmp_path: Path) -> None:
    """Two processes: neither sees the other's locks, only the file's."""
    path, limit = tmp_path / "toolcrib.db", AccountLimit(usd=Decimal(1))
    clock = FakeClock(now=NOW)
    async with open_sqlite(path) as one, open_sqlite(path) as two:
        stores = [SqlBudgetStore(engine, clock=clock) for engine in (one, two)]
        asked = (stores[n % 2].reserve(asks(n, "0.3", TENANT, limit=limit)) for n in range(8))
        assert [answer is None for answer in await asyncio.gather(*asked)].count(True) == 3
        assert await stands(stores[0], TENANT) == ("0", "0.9")

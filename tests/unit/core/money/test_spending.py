"""Which accounts a run pays from, by name, period and limit; and money as text and whole numbers."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolcrib.core.money import (
    Account,
    AccountLimit,
    Budget,
    Budgets,
    ModelPrice,
    Spender,
    Spending,
    exact,
    from_picos,
    picos,
    plain,
)

NEW_YEARS_EVE = 1_798_761_599.0  # 2026-12-31 23:59:59 UTC
DOLLAR = Budget(usd=Decimal(1))
WHO = Spender(run_id="run-1", thread_id="th", agent="support", tenant="acme")


def words(budgets: Budgets, now: float = NEW_YEARS_EVE) -> list[str]:
    return [bound.account.words for bound in Spending(budgets=budgets).bounds(WHO, now=now)]


def test_where_nothing_is_limited_there_is_no_account() -> None:
    assert words(Budgets(tenants={"globex": DOLLAR}, thread=Budget(per="day"))) == []


def test_any_limit_brings_the_account_of_the_run() -> None:
    assert words(Budgets(tenant=DOLLAR)) == ["run 'run-1'", "tenant 'acme'"]
    assert words(Budgets(thread=DOLLAR, agents={"support": DOLLAR})) == [
        "run 'run-1'",
        "thread 'th'",
        "agent 'support'",
    ]
    limited = Spender(run_id="run-1", thread_id="th", agent="a", tenant="", limit=AccountLimit(tokens=5))
    [bound] = Spending().bounds(limited, now=0.0)
    assert (bound.limit, bound.said) == (AccountLimit(tokens=5), "agents.a.limits")


@pytest.mark.parametrize(
    ("per", "said", "renews_at", "next_one"),
    [
        ("day", "tenant 'acme' on 2026-12-31", NEW_YEARS_EVE + 1, "tenant 'acme' on 2027-01-01"),
        ("month", "tenant 'acme' in 2026-12", NEW_YEARS_EVE + 1, "tenant 'acme' in 2027-01"),
        (None, "tenant 'acme'", None, "tenant 'acme'"),
    ],
)
def test_a_period_ends_at_midnight_utc(per: str | None, said: str, renews_at: float | None, next_one: str) -> None:
    budgets = Budgets(tenant=Budget(usd=Decimal(1), per=per))  # type: ignore[arg-type]  # one of the two words
    [_, bound] = Spending(budgets=budgets).bounds(WHO, now=NEW_YEARS_EVE)
    assert (bound.account.words, bound.account.renews_at) == (said, renews_at)
    assert words(budgets, NEW_YEARS_EVE + 1)[1] == next_one


def test_the_limit_of_an_account_is_that_of_its_present_period_only() -> None:
    spending = Spending(budgets=Budgets(tenant=Budget(usd=Decimal(1), per="day"), agents={"support": DOLLAR}))
    assert spending.limit_of(Account(scope="tenant", tenant="acme", period="2026-11-21")).usd == 1
    assert spending.limit_of(Account(scope="tenant", tenant="acme", period="2026-11")) == AccountLimit()
    assert spending.limit_of(Account(scope="agent", name="support")).usd == 1
    assert spending.limit_of(Account(scope="agent", name="other")) == AccountLimit()
    assert spending.limit_of(Account(scope="run", name="x")) == AccountLimit()


def test_it_is_told_in_words_by_its_place() -> None:
    budgets = Budgets(tenant=Budget(usd=Decimal("1.50"), per="day"), agents={"a": Budget(tokens=5)}, soft=Decimal(1))
    prices = {"acme:*": ModelPrice(input_usd_per_million=Decimal("0.1"), output_usd_per_million=Decimal(2))}
    assert Spending(budgets=budgets, prices=prices).words() == {
        "budgets.tenant": "usd 1.50, per day",
        "budgets.soft": "1",
        "budgets.agents.a": "tokens 5",
        "prices.acme:*": "input_usd_per_million 0.1, output_usd_per_million 2",
    }
    assert Spending().words() == {}


@given(st.decimals(min_value=0, max_value=1_000_000, places=12))
def test_money_goes_to_whole_numbers_and_text_and_back_unchanged(usd: Decimal) -> None:
    assert from_picos(picos(usd)) == usd == Decimal(plain(usd))
    assert "E" not in plain(from_picos(picos(usd)))


def test_money_is_rounded_up_never_down() -> None:
    assert exact(Decimal("1E-30")) == Decimal("1E-12")
    assert (plain(Decimal("20")), plain(Decimal("0E-12")), plain(Decimal("0.500"))) == ("20", "0", "0.5")

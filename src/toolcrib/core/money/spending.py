"""Spending: which accounts a run's money comes from, and how much each may hold; pure functions of what is written."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from toolcrib.core.money.accounts import Account, AccountLimit
from toolcrib.core.money.budgets import Budget, Budgets, Period
from toolcrib.core.money.prices import ModelPrice


@dataclass(frozen=True, slots=True, kw_only=True)
class Spender:
    """Who spends: one run, for whom, and what its agent says of a single run."""

    run_id: str
    thread_id: str
    agent: str
    tenant: str
    limit: AccountLimit = field(default_factory=AccountLimit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """An account, its limit, and the place in agents.yaml that says so."""

    account: Account
    limit: AccountLimit
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What agents.yaml of one release says of money.

    Attributes:
        budgets: under `budgets:`.
        prices: model, or a pattern for models -> price, under `prices:`.
    """

    budgets: Budgets = field(default_factory=Budgets)
    prices: Mapping[str, ModelPrice] = field(default_factory=lambda: MappingProxyType({}))

    def bounds(self, spender: Spender, *, now: float) -> tuple[Bound, ...]:
        """The accounts a call of the run is paid from at this moment, Unix time; none where nothing is limited.

        Where anything is, the run has an account of its own too: what it spent is known after a crash.
        """
        shared = tuple(self._shared(spender, now))
        if not shared and spender.limit == AccountLimit():
            return ()
        own = Account(scope="run", tenant=spender.tenant, name=spender.run_id)
        return (Bound(account=own, limit=spender.limit, said=f"agents.{spender.agent}.limits"), *shared)

    def limits_dollars(self, spender: Spender) -> bool:
        """Whether any of the accounts of this run is limited in dollars."""
        return any(bound.limit.usd is not None for bound in self.bounds(spender, now=0.0))

    def limit_of(self, account: Account) -> AccountLimit:
        """The limit of an account that threads, tenants or agents share; nothing for other periods than the present."""
        found, _ = self._budget(account.scope, account.tenant if account.scope == "tenant" else account.name)
        if found is None or _form(found.per) != _form_of(account.period):
            return AccountLimit()
        return AccountLimit(usd=found.usd, tokens=found.tokens)

    def words(self) -> dict[str, str]:
        """What is written, for people who compare: `budgets.tenant` -> `usd 1.0, per day`."""
        budgets = self.budgets.model_dump(mode="json", exclude_defaults=True)
        named = {key: budgets.pop(key, {}) for key in ("tenants", "agents")}
        found = {f"budgets.{key}": value for key, value in budgets.items()}
        found |= {f"budgets.{key}.{name}": one for key, each in named.items() for name, one in each.items()}
        found |= {
            f"prices.{name}": price.model_dump(mode="json", exclude_unset=True) for name, price in self.prices.items()
        }
        return {place: _in_words(value) for place, value in found.items()}

    def _shared(self, spender: Spender, now: float) -> Iterator[Bound]:
        places = (
            ("thread", spender.tenant, spender.thread_id, spender.thread_id),
            ("tenant", spender.tenant, "", spender.tenant),
            ("agent", "", spender.agent, spender.agent),
        )
        for scope, tenant, name, who in places:
            budget, said = self._budget(scope, who)
            if budget is None or budget.limits_nothing:
                continue
            period, renews_at = _period(budget.per, now)
            account = Account(scope=scope, tenant=tenant, name=name, period=period, renews_at=renews_at)
            yield Bound(account=account, limit=AccountLimit(usd=budget.usd, tokens=budget.tokens), said=said)

    def _budget(self, scope: str, who: str) -> tuple[Budget | None, str]:
        """The budget of one thread, tenant or agent, and the place that says so."""
        match scope:
            case "thread":
                return self.budgets.thread, "budgets.thread"
            case "tenant" if who in self.budgets.tenants:
                return self.budgets.tenants[who], f"budgets.tenants.{who}"
            case "tenant":
                return self.budgets.tenant, "budgets.tenant"
            case "agent" if who in self.budgets.agents:
                return self.budgets.agents[who], f"budgets.agents.{who}"
            case "agent":
                return self.budgets.agent, "budgets.agent"
            case _:
                return None, ""


def _in_words(value: Any) -> str:
    return ", ".join(f"{key} {one}" for key, one in value.items()) if isinstance(value, dict) else str(value)


def _period(per: Period | None, now: float) -> tuple[str, float | None]:
    """The name of the period that goes on, `2026-11-21` or `2026-11`, and when the next one begins."""
    today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if per == "day":
        return f"{today:%Y-%m-%d}", (today + timedelta(days=1)).timestamp()
    if per == "month":
        next_month = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
        return f"{today:%Y-%m}", next_month.timestamp()
    return "", None


def _form(per: Period | None) -> int:
    return {None: 0, "month": 7, "day": 10}[per]


def _form_of(period: str) -> int:
    return len(period)

"""Accounts: what is counted together, how it stands, and what it may hold."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from toolcrib.core.money.amounts import NOTHING, Amount, plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What is counted together.

    Attributes:
        scope: `run`, `thread`, `tenant` or `agent`.
        tenant: whose; empty for agents, and for those without one.
        name: id of the run or thread, name of the agent; empty for tenants.
        period: `2026-11-21` for a day, `2026-11` for a month; empty when it is for ever.
        renews_at: Unix time at which the next period begins; None when it never does.
    """

    scope: str
    tenant: str = ""
    name: str = ""
    period: str = ""
    renews_at: float | None = field(default=None, compare=False)

    @property
    def words(self) -> str:
        """`tenant 'acme' on 2026-11-21`."""
        who = self.tenant if self.scope == "tenant" else self.name
        named = f"{self.scope} {who!r}" if who else f"runs without a {self.scope}"
        return f"{named} {'in' if len(self.period) == 7 else 'on'} {self.period}" if self.period else named


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLimit:
    """The most an account may hold, spent and reserved together; None is without limit."""

    usd: Decimal | None = None
    tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """An account as it stands."""

    account: Account
    spent: Amount = NOTHING
    reserved: Amount = NOTHING

    @property
    def held(self) -> Amount:
        """Spent and reserved together."""
        return self.spent + self.reserved

    def has_room(self, amount: Amount, limit: AccountLimit) -> bool:
        """Whether so much more fits in; what costs nothing always does."""
        after = self.held + amount
        return (not amount.usd or limit.usd is None or after.usd <= limit.usd) and (
            not amount.tokens or limit.tokens is None or after.tokens <= limit.tokens
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetStatus:
    """An account, and what it may hold by the release that serves; no limit where that says nothing of it."""

    state: AccountState
    limit: AccountLimit

    def to_dict(self) -> dict[str, Any]:
        """The account as JSON-ready mapping; dollars as text, exact."""
        account, state, limit = self.state.account, self.state, self.limit
        return {
            "scope": account.scope,
            "tenant": account.tenant,
            "name": account.name,
            "period": account.period,
            "renews_at": account.renews_at,
            "spent_usd": plain(state.spent.usd),
            "reserved_usd": plain(state.reserved.usd),
            "limit_usd": None if limit.usd is None else plain(limit.usd),
            "spent_tokens": state.spent.tokens,
            "reserved_tokens": state.reserved.tokens,
            "limit_tokens": limit.tokens,
        }

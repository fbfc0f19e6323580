"""Accounts: what is counted together, how it stands, and what it may hold."""

from dataclasses import dataclass, field
from decimal import Decimal

from toolcrib.core.money.amounts import NOTHING, Amount


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

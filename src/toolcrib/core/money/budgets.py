"""Budgets: what agents.yaml allows threads, tenants and agents to spend."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Period = Literal["day", "month"]
UnknownPrice = Literal["reject", "zero", "estimate"]
Dollars = Annotated[Decimal, Field(ge=0, le=1_000_000, decimal_places=6)]
Tokens = Annotated[int, Field(ge=0, le=10**15)]


class Budget(BaseModel):
    """So much may be spent.

    Attributes:
        usd: US dollars; without limit when not given.
        tokens: of prompts and answers together; without limit when not given.
        per: begins anew each `day` or `month`, at midnight UTC; when not given, never.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    usd: Dollars | None = None
    tokens: Tokens | None = None
    per: Period | None = None

    @property
    def limits_nothing(self) -> bool:
        """Whether it says neither dollars nor tokens."""
        return self.usd is None and self.tokens is None


OwnBudget = dict[Annotated[str, Field(max_length=255)], Budget]


class Budgets(BaseModel):
    """`budgets:` of `agents.yaml`: what may be spent on models, all runs together.

    Attributes:
        thread: of each thread.
        tenant: of each tenant; runs without one share an account of their own.
        agent: of each agent, whoever asks it.
        tenants: id of a tenant -> its own budget, in place of `tenant`.
        agents: name of an agent -> its own budget, in place of `agent`.
        soft: from this share of any budget on, cheaper models answer where an agent has some; 1 for never.
        unknown_price: what becomes of a call of a model without a known price where dollars are limited: `reject` it,
            count it as `zero`, or `estimate` it as dear.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    thread: Budget | None = None
    tenant: Budget | None = None
    agent: Budget | None = None
    tenants: OwnBudget = Field(default_factory=dict)
    agents: OwnBudget = Field(default_factory=dict)
    soft: Annotated[Decimal, Field(gt=0, le=1)] = Decimal("0.8")
    unknown_price: UnknownPrice = "reject"

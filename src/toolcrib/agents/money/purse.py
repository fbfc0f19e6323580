"""`Purse`: what one run pays its models from: the most an attempt can cost is set aside, then what it did is paid."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

from langchain_core.messages import AIMessage, BaseMessage

from toolcrib.agents.money.book import PriceBook
from toolcrib.agents.money.estimate import answer_tokens, prompt_tokens, usage_of
from toolcrib.core.errors import BudgetExceeded, PriceUnknown, ToolcribError
from toolcrib.core.events import BudgetRefused
from toolcrib.core.models import Tier
from toolcrib.core.money import (
    ASSUMED,
    FREE,
    NOTHING,
    AccountState,
    Amount,
    Bound,
    Price,
    Spender,
    Spending,
    Usage,
    plain,
)
from toolcrib.core.ports import Clock, Emit, IdFactory
from toolcrib.core.quick_init import quick_init
from toolcrib.core.stores.budgets import BudgetStore, Reservation, Till

log = logging.getLogger(__name__)
T = TypeVar("T")


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What one answer cost.

    Attributes:
        usage: its tokens.
        usd: None where no price is known.
        estimated: its provider did not tell the tokens, so they are an estimate.
    """

    usage: Usage = field(default_factory=Usage)
    usd: Decimal | None = None
    estimated: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The part of a trace's step that tells of it; dollars as text, exact."""
        usage = self.usage
        more = {"cached_input_tokens": usage.cached_input_tokens, "reasoning_tokens": usage.reasoning_tokens}
        return {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            **{name: count for name, count in more.items() if count},
            "cost_usd": None if self.usd is None else plain(self.usd),
            **({"estimated": True} if self.estimated else {}),
        }


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """An answer, and what it cost."""

    message: AIMessage
    bill: Bill


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is paid for: one attempt at one model.

    Attributes:
        model: its name, as in `agents.yaml`.
        options: keyword arguments it was made with.
        messages, definitions: all that it is told, and the tools it is offered.
    """

    model: str
    options: Mapping[str, Any]
    messages: Sequence[BaseMessage]
    definitions: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is set aside for an attempt.

    Attributes:
        order: the attempt.
        price: of its model, None where there is none; or what looks it up, where nothing is limited.
        reserved: id of the reservation; empty where nothing is limited.
    """

    order: Order
    price: Price | asyncio.Future[Price | None] | None
    reserved: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PursePorts:
    """What a purse needs of the world.

    Attributes:
        process: name of this one among those that have the project open.
        owed: what the store could not be told, reservation -> what was spent; `Accounts.tend` does.
    """

    store: BudgetStore
    book: PriceBook
    clock: Clock
    ids: IdFactory
    emit: Emit
    process: str = ""
    owed: dict[str, Amount] = field(default_factory=dict)


class Purse:
    """What one run pays from, by the prices and budgets of its release.

    Args:
        spending: what the release's agents.yaml says of money.
        release: id of the release.
        till: where it pays, where that is not the store itself.

    Attributes:
        spender: the run.
        bills: of the answers that came, also of one whose reader was cancelled before it was paid.
    """

    def __init__(
        self, ports: PursePorts, *, spending: Spending, spender: Spender, release: str, till: Till | None = None
    ) -> None:
        self._ports = ports
        self._till = till or ports.store
        self._spending = spending
        self.spender = spender
        self._release = release
        self.bills: list[Bill] = []

    async def pay(self, order: Order, ask: Callable[[], Awaitable[AIMessage]]) -> Paid:
        """Make the attempt, and pay for it; an attempt that fails, or is cancelled, costs nothing.

        Raises:
            BudgetExceeded, PriceUnknown: see `hold`; the model was not asked.
            Exception: whatever `ask` raises.
        """
        held = await self.hold(order)
        try:
            message = await ask()
        except BaseException:
            await self.let_go(held)
            raise
        return Paid(message=message, bill=await self.settle(held, message))

    async def hold(self, order: Order) -> Held:
        """Set aside the most that the attempt can cost; `settle` or `let_go` must follow.

        Raises:
            BudgetExceeded: an account has no room for it.
            PriceUnknown: dollars are limited, and the model has no price.
        """
        bounds = self._bounds()
        if not bounds:  # the price is looked up beside the answer: the first time it takes a second
            return Held(order=order, price=asyncio.ensure_future(self._price(order.model, ())))
        price = await self._price(order.model, bounds)
        most = self._most(order, price, bounds)
        held = Held(order=order, price=price, reserved=most.id)
        try:
            lacking = await self._till.reserve(most)
        except BaseException:  # also when it was cancelled while it reserved: letting go of nothing does no harm
            await self.let_go(held)
            raise
        if lacking:
            raise self._refused(order, most, lacking, bounds)
        return held

    async def settle(self, held: Held, message: AIMessage) -> Bill:
        """Pay for the answer; what the store cannot take now is paid later."""
        place, looking = len(self.bills), held.price
        known = None if isinstance(looking, asyncio.Future) else looking
        self.bills.append(self._bill(held.order, message, known))
        if isinstance(looking, asyncio.Future):
            self.bills[place] = self._bill(held.order, message, await looking)
        bill = self.bills[place]
        if held.reserved:
            spent = Amount(usd=bill.usd or Decimal(0), tokens=bill.usage.total)
            await _to_its_end(self._settled(held.reserved, spent))
        return bill

    async def let_go(self, held: Held) -> None:
        """The attempt came to nothing."""
        if isinstance(held.price, asyncio.Future):
            held.price.cancel()
        if held.reserved:
            await _to_its_end(self._settled(held.reserved, NOTHING))

    async def _settled(self, reservation_id: str, spent: Amount) -> None:
        try:
            await self._till.settle(reservation_id, spent)
        except ToolcribError:
            self._ports.owed[reservation_id] = spent
            log.warning("reservation stays held for now", exc_info=True, extra={"run_id": self.spender.run_id})

    async def spent(self) -> Amount:
        """What the run has spent, as its account knows it; nothing, where nothing is limited."""
        own = [bound.account for bound in self._bounds() if bound.account.scope == "run"]
        return sum((state.spent for state in await self._till.states(own)), NOTHING)

    async def tier(self, wanted: Tier, offered: Sequence[Tier]) -> Tier:
        """The tier that may answer now: the first, and cheapest, one offered when any account is near its limit."""
        return offered[0] if offered[0] != wanted and await self.is_tight() else wanted

    async def is_tight(self) -> bool:
        """Whether an account the run pays from has come to the share of its limit that `budgets.soft` says."""
        bounds = self._bounds()
        soft = self._spending.budgets.soft
        if not bounds or soft == 1:
            return False
        states = await self._till.states([bound.account for bound in bounds])
        return any(_is_tight(state, bound, soft) for state, bound in zip(states, bounds, strict=True))

    def _bounds(self) -> tuple[Bound, ...]:
        return self._spending.bounds(self.spender, now=self._ports.clock.now())

    async def _price(self, model: str, bounds: Sequence[Bound]) -> Price | None:
        found = await self._ports.book.find(model, self._spending.prices)
        match self._spending.budgets.unknown_price:
            case _ if found is not None:
                return found
            case "zero":
                return FREE
            case "estimate":
                return ASSUMED
            case _ if all(bound.limit.usd is None for bound in bounds):
                return None
            case _:
                raise PriceUnknown(
                    f"No price is known for model {model!r}, and the runs of agent {self.spender.agent!r} are limited "
                    "in dollars.",
                    hint="Write it under `prices:` in agents.yaml, or `unknown_price: estimate` under `budgets:`.",
                )

    def _most(self, order: Order, price: Price | None, bounds: Sequence[Bound]) -> Reservation:
        """The most the attempt can cost, as far as can be told before it is made."""
        now = self._ports.clock.now()
        asked, said = prompt_tokens(order.messages, order.definitions), answer_tokens(order.options, price)
        usd = Decimal(0) if price is None else price.highest(asked, said, at=now)
        return Reservation(
            id=self._ports.ids.new(),
            amount=Amount(usd=usd, tokens=asked + said),
            limits={bound.account: bound.limit for bound in bounds},
            process=self._ports.process,
            at=now,
        )

    def _bill(self, order: Order, message: AIMessage, price: Price | None) -> Bill:
        told = usage_of(message)
        if told is None and price is FREE:
            return Bill(usd=Decimal(0))
        usage = told or Usage(
            input_tokens=prompt_tokens(order.messages, order.definitions), output_tokens=prompt_tokens([message], ())
        )
        usd = None if price is None else price.cost(usage, at=self._ports.clock.now())
        return Bill(usage=usage, usd=usd, estimated=told is None)

    def _refused(
        self, order: Order, held: Reservation, lacking: AccountState, bounds: Sequence[Bound]
    ) -> BudgetExceeded:
        bound = next(bound for bound in bounds if bound.account == lacking.account)
        who = self.spender
        self._ports.emit(
            BudgetRefused(
                scope=bound.account.scope,
                account=bound.account.words,
                agent=who.agent,
                tenant=who.tenant,
                run_id=who.run_id,
                release=self._release,
                model=order.model,
            )
        )
        needed = f"the next call of {order.model!r} may"
        message = f"No room in the budget of {bound.account.words} ({bound.said}): "
        message += _figures(lacking, held.amount, bound, needed)
        renews = bound.account.renews_at
        if renews is not None:
            message += f" It renews at {datetime.fromtimestamp(renews, UTC):%Y-%m-%d %H:%M} UTC."
        hint = f"Raise `{bound.said}` in agents.yaml, or lower `max_tokens` of the agent's `model_options`."
        return BudgetExceeded(message, hint=hint)


def _figures(state: AccountState, asked: Amount, bound: Bound, needed: str) -> str:
    """What stands against the call, in the unit that has no room for it."""
    held = state.held
    if bound.limit.usd is not None and asked.usd and held.usd + asked.usd > bound.limit.usd:
        limit, more = plain(bound.limit.usd), plain(asked.usd)
        spent, reserved = plain(state.spent.usd), plain(state.reserved.usd)
        return f"${spent} spent, ${reserved} reserved, ${limit} the limit; {needed} cost ${more}."
    spent_tokens, reserved_tokens = state.spent.tokens, state.reserved.tokens
    return (
        f"{spent_tokens} tokens spent, {reserved_tokens} reserved, {bound.limit.tokens} the limit; "
        f"{needed} take {asked.tokens}."
    )


def _is_tight(state: AccountState, bound: Bound, soft: Decimal) -> bool:
    held, limit = state.held, bound.limit
    dollars = limit.usd is not None and held.usd >= limit.usd * soft
    return dollars or (limit.tokens is not None and held.tokens >= limit.tokens * soft)


async def _to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Its result; it goes on when the one who waits for it is cancelled."""
    return await asyncio.shield(asyncio.ensure_future(work))

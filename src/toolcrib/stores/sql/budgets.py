"""Accounts on SQL: one transaction over all accounts concerned, each changed only where there is room."""

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Select, and_, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from toolcrib.core.money import Account, AccountLimit, AccountState, Amount, from_picos, picos
from toolcrib.core.ports import Clock
from toolcrib.core.stores.budgets import Reservation
from toolcrib.stores.sql.database import add_new, whole
from toolcrib.stores.sql.schema import accounts, reservations

KEY = ("scope", "tenant", "name", "period")


class SqlBudgetStore:
    """`BudgetStore` on a SQL database.

    Each transaction writes first: it holds the database's lock, or that of its rows, before it looks at anything, and
    those that come meanwhile wait. Within one process they wait for each other here, which is fairer than the file's
    lock and far quicker.
    """

    def __init__(self, engine: AsyncEngine, *, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._turn = asyncio.Lock()

    @whole
    async def reserve(self, reservation: Reservation) -> AccountState | None:
        """See `BudgetStore.reserve`."""
        asked, amount = reservation.limits, reservation.amount
        async with self._turn, self._engine.connect() as db:
            await add_new(db, accounts, [_new_row(one, reservation.at) for one in sorted(asked, key=_key)])
            for account, limit in asked.items():
                more = _plus("reserved", amount) | {"touched_at": reservation.at}
                wanted = update(accounts).where(_is(account), *_room(amount, limit)).values(**more)
                if (await db.execute(wanted)).rowcount == 0:
                    lacking = await self._states(db, (account,))
                    await db.rollback()
                    return lacking[0]
            await db.execute(insert(reservations).values(**_reservation_row(reservation)))
            await db.commit()
        return None

    @whole
    async def settle(self, reservation_id: str, spent: Amount) -> bool:
        """See `BudgetStore.settle`."""
        async with self._turn, self._engine.begin() as db:
            return await self._settle(db, reservation_id, spent)

    @whole
    async def states(self, accounts: Sequence[Account]) -> Sequence[AccountState]:
        """See `BudgetStore.states`."""
        async with self._engine.connect() as db:
            return await self._states(db, accounts)

    @whole
    async def accounts(
        self, *, scope: str = "", tenant: str | None = None, now: float | None = None, limit: int = 100
    ) -> Sequence[AccountState]:
        """See `BudgetStore.accounts`."""
        query: Select[Any] = select(accounts).order_by(*(accounts.c[name] for name in KEY)).limit(limit)
        query = query.where(accounts.c.scope == scope if scope else accounts.c.scope != "run")
        if tenant is not None:
            query = query.where(accounts.c.tenant == tenant)
        if now is not None:
            query = query.where(or_(accounts.c.renews_at.is_(None), accounts.c.renews_at > now))
        async with self._engine.connect() as db:
            return [_state(row) for row in await db.execute(query)]

    @whole
    async def processes(self) -> frozenset[str]:
        """See `BudgetStore.processes`."""
        async with self._engine.connect() as db:
            return frozenset((await db.scalars(select(reservations.c.process).distinct())).all())

    @whole
    async def take_over(self, process: str) -> int:
        """See `BudgetStore.take_over`."""
        query = select(reservations).where(reservations.c.process == process)
        async with self._engine.connect() as db:
            left = (await db.execute(query)).all()
        taken = 0
        for row in left:
            async with self._turn, self._engine.begin() as db:
                taken += await self._settle(db, row.id, Amount(usd=from_picos(row.usd), tokens=row.tokens))
        return taken

    @whole
    async def sweep(self, *, before: float) -> int:
        """See `BudgetStore.sweep`."""
        old = or_(
            accounts.c.renews_at < before,
            and_(accounts.c.scope == "run", accounts.c.touched_at < before),
        )
        idle = and_(accounts.c.reserved_usd == 0, accounts.c.reserved_tokens == 0)
        async with self._turn, self._engine.begin() as db:
            return int((await db.execute(delete(accounts).where(old, idle))).rowcount)

    async def _settle(self, db: AsyncConnection, reservation_id: str, spent: Amount) -> bool:
        mine = reservations.c.id == reservation_id
        taken = (await db.execute(delete(reservations).where(mine).returning(*reservations.c))).first()
        if taken is None:
            return False
        held = Amount(usd=-from_picos(taken.usd), tokens=-taken.tokens)
        more = _plus("reserved", held) | _plus("spent", spent) | {"touched_at": self._clock.now()}
        for values in orjson.loads(taken.accounts):
            account = Account(**dict(zip(KEY, values, strict=True)))
            await db.execute(update(accounts).where(_is(account)).values(**more))
        return True

    async def _states(self, db: AsyncConnection, wanted: Sequence[Account]) -> list[AccountState]:
        if not wanted:
            return []
        rows = await db.execute(select(accounts).where(or_(*(_is(account) for account in wanted))))
        found = {state.account: state for state in map(_state, rows)}
        return [found.get(account) or AccountState(account=account) for account in wanted]


def _key(account: Account) -> tuple[str, ...]:
    return tuple(getattr(account, name) for name in KEY)


def _is(account: Account) -> ColumnElement[bool]:
    return and_(*(accounts.c[name] == getattr(account, name) for name in KEY))


def _room(amount: Amount, limit: AccountLimit) -> list[ColumnElement[bool]]:
    """See `AccountState.has_room`."""
    room = []
    if amount.usd and limit.usd is not None:
        room.append(accounts.c.spent_usd + accounts.c.reserved_usd + picos(amount.usd) <= picos(limit.usd))
    if amount.tokens and limit.tokens is not None:
        room.append(accounts.c.spent_tokens + accounts.c.reserved_tokens + amount.tokens <= limit.tokens)
    return room


def _plus(what: str, amount: Amount) -> dict[str, Any]:
    """The columns of what is `spent` or `reserved`, with so much more in them."""
    usd, tokens = accounts.c[f"{what}_usd"], accounts.c[f"{what}_tokens"]
    return {usd.name: usd + picos(amount.usd), tokens.name: tokens + amount.tokens}


def _new_row(account: Account, at: float) -> dict[str, Any]:
    nothing = dict.fromkeys(("spent_usd", "reserved_usd", "spent_tokens", "reserved_tokens"), 0)
    return {name: getattr(account, name) for name in (*KEY, "renews_at")} | nothing | {"touched_at": at}


def _reservation_row(reservation: Reservation) -> dict[str, Any]:
    return {
        "id": reservation.id,
        "accounts": orjson.dumps([_key(account) for account in reservation.limits]).decode(),
        "usd": picos(reservation.amount.usd),
        "tokens": reservation.amount.tokens,
        "process": reservation.process,
        "at": reservation.at,
    }


def _state(row: Any) -> AccountState:
    account = Account(**{name: getattr(row, name) for name in (*KEY, "renews_at")})
    return AccountState(
        account=account,
        spent=Amount(usd=from_picos(row.spent_usd), tokens=row.spent_tokens),
        reserved=Amount(usd=from_picos(row.reserved_usd), tokens=row.reserved_tokens),
    )

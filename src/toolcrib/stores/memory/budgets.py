"""Accounts in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from toolcrib.core.money import NOTHING, Account, AccountState, Amount
from toolcrib.core.ports import Clock
from toolcrib.core.stores.budgets import Reservation


class MemoryBudgetStore:
    """`BudgetStore` in memory. No method waits, so each is one step of the event loop."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._accounts: dict[Account, AccountState] = {}
        self._touched: dict[Account, float] = {}
        self._reservations: dict[str, Reservation] = {}

    async def reserve(self, reservation: Reservation) -> AccountState | None:
        """See `BudgetStore.reserve`."""
        for account, limit in reservation.limits.items():
            state = self._state(account)
            if not state.has_room(reservation.amount, limit):
                return state
        self._reservations[reservation.id] = reservation
        self._add(reservation.limits, reserved=reservation.amount, spent=NOTHING)
        return None

    async def settle(self, reservation_id: str, spent: Amount) -> bool:
        """See `BudgetStore.settle`."""
        reservation = self._reservations.pop(reservation_id, None)
        if reservation is None:
            return False
        held = reservation.amount
        self._add(reservation.limits, reserved=Amount(usd=-held.usd, tokens=-held.tokens), spent=spent)
        return True

    async def states(self, accounts: Sequence[Account]) -> Sequence[AccountState]:
        """See `BudgetStore.states`."""
        return [self._state(account) for account in accounts]

    async def accounts(
        self, *, scope: str = "", tenant: str | None = None, now: float | None = None, limit: int = 100
    ) -> Sequence[AccountState]:
        """See `BudgetStore.accounts`."""
        meant = [
            one
            for one in self._accounts
            if (one.scope == scope if scope else one.scope != "run")
            and tenant in (None, one.tenant)
            and (now is None or one.renews_at is None or one.renews_at > now)
        ]
        by_name = sorted(meant, key=lambda one: (one.scope, one.tenant, one.name, one.period))
        return [self._accounts[one] for one in by_name[:limit]]

    async def processes(self) -> frozenset[str]:
        """See `BudgetStore.processes`."""
        return frozenset(one.process for one in self._reservations.values())

    async def take_over(self, process: str) -> int:
        """See `BudgetStore.take_over`."""
        left = [one for one in self._reservations.values() if one.process == process]
        for one in left:
            await self.settle(one.id, one.amount)
        return len(left)

    async def sweep(self, *, before: float) -> int:
        """See `BudgetStore.sweep`."""
        needed = {account for one in self._reservations.values() for account in one.limits}
        gone = [
            one
            for one in self._accounts
            if one not in needed
            and (
                (one.renews_at is not None and one.renews_at < before)
                or (one.scope == "run" and self._touched[one] < before)
            )
        ]
        for one in gone:
            del self._accounts[one], self._touched[one]
        return len(gone)

    def _state(self, account: Account) -> AccountState:
        return self._accounts.get(account) or AccountState(account=account)

    def _add(self, accounts: Mapping[Account, object], *, reserved: Amount, spent: Amount) -> None:
        for account in accounts:
            state = self._state(account)
            self._accounts[account] = replace(state, spent=state.spent + spent, reserved=state.reserved + reserved)
            self._touched[account] = self._clock.now()

"""The store of accounts: what was spent and what is reserved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from toolcrib.core.money import Account, AccountLimit, AccountState, Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """An amount set aside in some accounts for one attempt at a model.

    Attributes:
        limits: each account it is taken from -> its limit.
        process: name of the process that asks; when it dies, the reservation counts as spent.
        at: Unix time.
    """

    id: str
    amount: Amount
    limits: Mapping[Account, AccountLimit]
    process: str = ""
    at: float = 0.0


class Till(Protocol):
    """What one run needs of the accounts: setting money aside, paying, and looking."""

    async def reserve(self, reservation: Reservation) -> AccountState | None:
        """Set the amount aside in every account, or in none.

        Returns:
            None when it is reserved, else the first account that has no room for it, as it stands.
        """

    async def settle(self, reservation_id: str, spent: Amount) -> bool:
        """Put what was really spent in place of what was reserved; `NOTHING` lets go of it.

        Returns:
            False when there is no such reservation; then nothing happens.
        """

    async def states(self, accounts: Sequence[Account]) -> Sequence[AccountState]:
        """These accounts as they stand, in this order; one that nobody used holds nothing."""


class BudgetStore(Till, Protocol):
    """Accounts: what was spent, what is reserved. Each method is one atomic step over all accounts concerned."""

    async def accounts(
        self, *, scope: str = "", tenant: str | None = None, now: float | None = None, limit: int = 100
    ) -> Sequence[AccountState]:
        """Accounts by scope, tenant, name and period; those of runs only when asked for by scope.

        Args:
            scope: only these; empty for all but runs.
            tenant: only of this one; None for all.
            now: only those whose period goes on at this Unix time; None for all.
            limit: at most so many.
        """

    async def processes(self) -> frozenset[str]:
        """Names of the processes that have something reserved."""

    async def take_over(self, process: str) -> int:
        """A process has died: what it had reserved counts as spent; how many reservations there were."""

    async def sweep(self, *, before: float) -> int:
        """Take out accounts nobody needs: how many.

        Those whose period was over by then, and those of runs that nobody touched since; none with a reservation.
        """

"""`Accounts`: what runs pay their models from, and what stands in the accounts of a project."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from toolcrib.agents.money.purse import Purse, PursePorts
from toolcrib.core.agents import Agent
from toolcrib.core.money import AccountLimit, BudgetStatus, Spender, Spending
from toolcrib.core.stores.budgets import Till
from toolcrib.core.stores.ledger import RunRecord
from toolcrib.registry.release import Release

log = logging.getLogger(__name__)
KEPT_S = 7 * 86_400.0
"""Accounts of days and months that are over, and of runs, are kept for a week."""
SWEEP_S = 3_600.0


class Accounts:
    """The accounts of an open project.

    Args:
        has_ended: whether the process with this name has died, or ended.
    """

    def __init__(self, ports: PursePorts, *, has_ended: Callable[[str], bool]) -> None:
        self._ports = ports
        self._has_ended = has_ended
        self._sweep_at = 0.0

    def purse(
        self, record: RunRecord, agent: Agent, release: Release, *, through: Callable[[Till], Till] | None = None
    ) -> Purse:
        """What this run pays from, by the prices and budgets of its release; `through` leads to the store."""
        spender, till = _spender(record, agent), through(self._ports.store) if through else None
        return Purse(self._ports, spending=release.spending, spender=spender, release=release.id, till=till)

    async def known(self, record: RunRecord, agent: Agent, release: Release) -> RunRecord:
        """The record of a run that goes on, with what it cost as its account knows it, where it has one."""
        await self.take_over()
        if not release.spending.bounds(_spender(record, agent), now=self._ports.clock.now()):
            return record
        return replace(record, cost_usd=(await self.purse(record, agent, release).spent()).usd)

    async def status(
        self, spending: Spending, *, scope: str = "", tenant: str | None = None, limit: int = 100
    ) -> Sequence[BudgetStatus]:
        """The accounts whose period goes on, with the limits that `spending` sets; see `BudgetStore.accounts`."""
        now = self._ports.clock.now()
        states = await self._ports.store.accounts(scope=scope, tenant=tenant, now=now, limit=limit)
        return [BudgetStatus(state=state, limit=spending.limit_of(state.account)) for state in states]

    async def tend(self) -> None:
        """Pay what is owed, take over what dead processes left, and now and then sweep out old accounts."""
        for reservation, spent in list(self._ports.owed.items()):
            await self._ports.store.settle(reservation, spent)
            del self._ports.owed[reservation]
        await self.take_over()
        now = self._ports.clock.now()
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP_S
            await self._ports.store.sweep(before=now - KEPT_S)

    async def take_over(self) -> None:
        """What processes had reserved that are dead by now counts as spent: their calls may have been paid for."""
        for process in await self._ports.store.processes() - {self._ports.process}:
            if await asyncio.to_thread(self._has_ended, process):
                left = await self._ports.store.take_over(process)
                log.warning("a process died with money reserved", extra={"dead": process, "reservations": left})


def _spender(record: RunRecord, agent: Agent) -> Spender:
    limits = agent.spec.limits
    return Spender(
        run_id=record.run_id,
        thread_id=record.thread_id,
        agent=record.agent,
        tenant=record.tenant,
        limit=AccountLimit(usd=limits.cost_usd, tokens=limits.tokens),
    )

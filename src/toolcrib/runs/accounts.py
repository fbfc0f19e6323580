"""`Accounts`: what runs pay their models from, and what stands in the accounts of a project."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

from toolcrib.agents.money.purse import Purse, PursePorts
from toolcrib.core.agents import Agent
from toolcrib.core.money import NOTHING, AccountLimit, Amount, Bound, BudgetStatus, Spender, Spending
from toolcrib.core.stores.budgets import Reservation, Till
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
        """The record of a run that goes on, with what it cost where its account knows of more.

        Where the account knows of less, because it was swept out while the run was stopped, it is made good.
        """
        await self.take_over()
        spender = _spender(record, agent)
        bounds = release.spending.bounds(spender, now=self._ports.clock.now())
        if not bounds:
            return record
        spent, cost = await self.purse(record, agent, release).spent(), record.cost_usd
        if cost is None and record.finished_at is None and release.spending.limits_dollars(spender):
            cost = Decimal(0)  # it died before anything was written down; dollars are limited, so each price was known
        usd, tokens = (cost or Decimal(0)) - spent.usd, record.input_tokens + record.output_tokens - spent.tokens
        await self._make_good(bounds[0], Amount(usd=max(Decimal(0), usd), tokens=max(0, tokens)))
        return record if cost is None else replace(record, cost_usd=max(cost, spent.usd))

    async def _make_good(self, own: Bound, lacking: Amount) -> None:
        """Put what is lacking into the account of a run alone: those it shares have counted it when it was spent."""
        if lacking == NOTHING:
            return
        ports = self._ports
        missing = Reservation(
            id=ports.ids.new(),
            amount=lacking,
            limits={own.account: AccountLimit()},
            process=ports.process,
            at=ports.clock.now(),
        )
        await ports.store.reserve(missing)
        await ports.store.settle(missing.id, lacking)

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

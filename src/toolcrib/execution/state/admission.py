"""`Admission`: how many calls of all tools run in this process, and how many of one tenant."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from toolcrib.core.policies import Concurrency
from toolcrib.execution.state.gates import Bulkhead, GateKey, Gates, Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionState:
    """What goes on.

    Attributes:
        running: calls that run.
        waiting: calls in line for the process's permit.
        waiting_for_tenant: calls in line for their tenant's.
        limit: the process's; None without one.
    """

    running: int
    waiting: int
    waiting_for_tenant: int
    limit: int | None


class Admission:
    """The bulkheads of a process: one of each tenant, then one of all calls.

    The tenant's permit is taken first. So one tenant's calls never fill the line of all, nor the line of any tool.

    Args:
        concurrency: calls of all; None for any number.
        per_tenant: calls of one tenant; None for any number.
        queue: calls in line, at each bulkhead.
    """

    def __init__(self, *, concurrency: int | None, per_tenant: int | None, queue: int) -> None:
        self._tenants = Gates()
        self._of_each = self._terms(per_tenant, queue)
        self._of_all = self._terms(concurrency, queue)
        self._whole = None if self._of_all is None else Bulkhead(self._of_all)

    def enter(self, tenant: str) -> "Iterator[Place]":
        """The places of a call that comes, in the order in which it takes their permits; it must `end` each."""
        if self._of_each is not None:
            bulkhead = self._tenants.enter(GateKey(tool="", tenant=tenant), self._of_each)
            yield Place(bulkhead, self._of_each, running="calls of this tenant run", is_lent=False)
        if self._whole is not None and self._of_all is not None:
            self._whole.enter(self._of_all)
            yield Place(self._whole, self._of_all, running="calls run in this process", is_lent=True)

    @property
    def state(self) -> AdmissionState:
        """What goes on now."""
        tenants, whole = self._tenants.snapshot().values(), self._whole
        return AdmissionState(
            running=sum(one.running for one in tenants) if whole is None else whole.gate.running,
            waiting=0 if whole is None else whole.gate.waiting,
            waiting_for_tenant=sum(one.waiting for one in tenants),
            limit=None if whole is None else whole.gate.limit,
        )

    def _terms(self, limit: int | None, queue: int) -> Terms | None:
        return None if limit is None else self._tenants.terms(Concurrency(limit=limit, queue=queue))


class Place:
    """One call at one bulkhead: without a permit, or with one since a reading of the clock.

    Attributes:
        bulkhead: where.
        running: what runs there, in words.
        is_lent: while the call waits for something else, others have the permit.
        since: when it got the permit; None without one.
    """

    __slots__ = ("_terms", "bulkhead", "is_lent", "running", "since")

    def __init__(self, bulkhead: Bulkhead, terms: Terms, *, running: str, is_lent: bool) -> None:
        self.bulkhead = bulkhead
        self.running = running
        self.is_lent = is_lent
        self.since: float | None = None
        self._terms = terms

    def end(self, now: float) -> None:
        """The call goes, with its permit or without one.

        While permits are lent, one is passed on in the loop's next turn only. By then a call that has lent its own, and
        got what the one that ends now had (its place at the tool, its lock), has taken it back: no more run than may.
        """
        bulkhead, terms, since = self.bulkhead, self._terms, self.since
        self.since = None
        if since is None:
            bulkhead.leave(terms)
        elif bulkhead.gate.lent:
            asyncio.get_running_loop().call_soon(_finish, bulkhead, terms, since, now)
        else:
            _finish(bulkhead, terms, since, now)


def _finish(bulkhead: Bulkhead, terms: Terms, began: float, ended: float) -> None:
    bulkhead.finish(terms, began=began, ended=ended, outcome="other")

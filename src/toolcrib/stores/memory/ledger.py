"""The run ledger in memory."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from toolcrib.core.stores.ledger import LOST, LedgerSummary, RunRecord, ThreadFilter
from toolcrib.core.stores.pins import STOPPED, ThreadPin


class MemoryRunLedger:
    """`RunLedger` in memory."""

    def __init__(self) -> None:
        self._runs: dict[str, RunRecord] = {}

    async def accept(self, record: RunRecord, *, follows: str | None = None) -> bool:
        """See `RunLedger.accept`."""
        if follows is not None:
            last = self._last(record.thread_id, record.tenant)
            if follows != (last.run_id if last else ""):
                return False
        self._runs[record.run_id] = record
        return True

    async def finish(self, record: RunRecord) -> None:
        """See `RunLedger.finish`."""
        if record.run_id in self._runs:
            self._runs[record.run_id] = record

    async def last(self, thread_id: str, *, tenant: str = "") -> RunRecord | None:
        """See `RunLedger.last`."""
        return self._last(thread_id, tenant)

    async def threads(self, wanted: ThreadFilter, limit: int = 100) -> Sequence[RunRecord]:
        """See `RunLedger.threads`."""
        last = {(run.tenant, run.thread_id): run for run in reversed(self._newest_first())}
        meant = [run for run in last.values() if _is_meant(run, wanted)]
        return sorted(meant, key=_age, reverse=True)[:limit]

    async def move(self, run_id: str, release: str) -> bool:
        """See `RunLedger.move`."""
        run = self._runs.get(run_id)
        if run is None or run.status == "running" or await self.last(run.thread_id, tenant=run.tenant) != run:
            return False
        self._runs[run_id] = replace(run, moved_to=release)
        return True

    async def runs(self, limit: int = 100) -> Sequence[RunRecord]:
        """See `RunLedger.runs`."""
        return self._newest_first()[:limit]

    async def find(self, run_id: str) -> RunRecord | None:
        """See `RunLedger.find`."""
        return self._runs.get(run_id)

    async def suspended(self, limit: int = 100) -> Sequence[RunRecord]:
        """See `RunLedger.suspended`."""
        return [run for run in reversed(self._newest_first()) if run.status == "suspended"][:limit]

    async def take_up(self, run_id: str, *, process: str = "") -> bool:
        """See `RunLedger.take_up`."""
        run = self._runs.get(run_id)
        if run is None or run.status not in STOPPED:
            return False
        self._runs[run_id] = replace(run, status="running", error="", finished_at=None, process=process)
        return True

    async def processes(self) -> frozenset[str]:
        """See `RunLedger.processes`."""
        return frozenset(run.process for run in self._runs.values() if run.status == "running" and run.process)

    async def lose(self, process: str) -> int:
        """See `RunLedger.lose`."""
        lost = [run for run in self._runs.values() if run.status == "running" and run.process == process != ""]
        self._runs.update({run.run_id: replace(run, status="suspended", error=LOST) for run in lost})
        return len(lost)

    async def pins(self) -> Sequence[ThreadPin]:
        """See `RunLedger.pins`."""
        alike: dict[tuple[str, str, str, bool], list[float]] = defaultdict(list)
        for run in {(run.tenant, run.thread_id): run for run in reversed(self._newest_first())}.values():
            alike[run.agent, run.goes_on_with, run.status, bool(run.moved_to)].append(run.started_at)
        return [
            ThreadPin(agent=agent, release=release, status=status, moved=moved, threads=len(began), since=min(began))
            for (agent, release, status, moved), began in alike.items()
        ]

    async def summary(self) -> LedgerSummary:
        """See `RunLedger.summary`."""
        statuses = [run.status for run in self._runs.values()]
        stopped = sum(status in STOPPED for status in statuses)
        return LedgerSummary(
            started=len(statuses),
            finished=len(statuses) - statuses.count("running") - stopped,
            failed=statuses.count("error"),
            interrupted=statuses.count("interrupted"),
            running=statuses.count("running"),
            mixed=sum(len(run.releases_seen) > 1 for run in self._runs.values()),
            stopped=stopped,
        )

    def _last(self, thread_id: str, tenant: str) -> RunRecord | None:
        mine = (run for run in self._runs.values() if (run.thread_id, run.tenant) == (thread_id, tenant))
        return max(mine, key=_age, default=None)

    def _newest_first(self) -> list[RunRecord]:
        return sorted(self._runs.values(), key=_age, reverse=True)


def _age(run: RunRecord) -> tuple[float, str]:
    return run.started_at, run.run_id


def _is_meant(run: RunRecord, wanted: ThreadFilter) -> bool:
    return (
        wanted.thread_id in ("", run.thread_id)
        and wanted.tenant in (None, run.tenant)
        and wanted.agent in ("", run.agent)
        and wanted.release in ("", run.goes_on_with)
        and wanted.status in ("", run.status)
    )

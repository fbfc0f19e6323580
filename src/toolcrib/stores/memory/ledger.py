"""The run ledger in memory."""

from collections.abc import Sequence
from dataclasses import replace

from toolcrib.core.ports import LedgerSummary, RunRecord, ThreadFilter


class MemoryRunLedger:
    """`RunLedger` in memory."""

    def __init__(self) -> None:
        self._runs: dict[str, RunRecord] = {}

    async def accept(self, record: RunRecord) -> None:
        """See `RunLedger.accept`."""
        self._runs[record.run_id] = record

    async def finish(self, record: RunRecord) -> None:
        """See `RunLedger.finish`."""
        if record.run_id in self._runs:
            self._runs[record.run_id] = record

    async def last(self, thread_id: str, *, tenant: str = "") -> RunRecord | None:
        """See `RunLedger.last`."""
        mine = (run for run in self._newest_first() if (run.thread_id, run.tenant) == (thread_id, tenant))
        return next(mine, None)

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

    async def summary(self) -> LedgerSummary:
        """See `RunLedger.summary`."""
        statuses = [run.status for run in self._runs.values()]
        return LedgerSummary(
            started=len(statuses),
            finished=len(statuses) - statuses.count("running"),
            failed=statuses.count("error"),
            interrupted=statuses.count("interrupted"),
            running=statuses.count("running"),
            mixed=sum(len(run.releases_seen) > 1 for run in self._runs.values()),
        )

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

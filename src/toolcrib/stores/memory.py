"""The stores in memory: the same behaviour as on SQL, gone with the process."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from toolcrib.core.errors import Conflict, GenerationConflict, ReleaseNotFound
from toolcrib.core.ports import Channel, JournalEntry, LedgerSummary, RunRecord, StoredRelease
from toolcrib.core.releases import MOVES, Deployment, Manifest, ReleaseState
from toolcrib.core.results import ToolResult


class MemoryReleaseStore:
    """`ReleaseStore` in memory."""

    def __init__(self) -> None:
        self._releases: dict[str, StoredRelease] = {}
        self._contents: dict[str, dict[str, bytes]] = {}
        self._channel = Channel()
        self._history: list[Deployment] = []

    async def put(
        self, manifest: Manifest, contents: Mapping[str, bytes], *, at: float, state: ReleaseState = "staged"
    ) -> None:
        """See `ReleaseStore.put`."""
        if manifest.digest not in self._releases:
            self._contents[manifest.digest] = {path: contents[path] for path in manifest.files}
            kept = replace(manifest, files=dict(manifest.files))
            self._releases[manifest.digest] = StoredRelease(manifest=kept, state=state, at=at)

    async def contents(self, digest: str) -> Mapping[str, bytes]:
        """See `ReleaseStore.contents`."""
        return dict(self._contents[(await self.find(digest)).manifest.digest])

    async def find(self, id_or_digest: str) -> StoredRelease:
        """See `ReleaseStore.find`."""
        start = id_or_digest.removeprefix("r-").lower()
        found = [release for digest, release in self._releases.items() if start and digest.startswith(start)]
        if len(found) != 1:
            what = "More than one release begins with" if found else "The store has no release"
            raise ReleaseNotFound(f"{what} {id_or_digest!r}.", hint="`toolcrib releases` lists what there is.")
        return found[0]

    async def releases(self) -> Sequence[StoredRelease]:
        """See `ReleaseStore.releases`."""
        return sorted(self._releases.values(), key=lambda release: release.at, reverse=True)

    async def move(self, digest: str, state: ReleaseState) -> None:
        """See `ReleaseStore.move`."""
        self._releases[digest] = self._moved(digest, state)

    async def channel(self) -> Channel:
        """See `ReleaseStore.channel`."""
        return self._channel

    async def activate(self, digest: str, *, expected: int, seen_tree: str) -> Channel:
        """See `ReleaseStore.activate`."""
        before = self._channel
        if before.generation != expected:
            raise GenerationConflict(f"The channel's generation is no longer {expected}.")
        if before.digest != digest:
            former = {before.digest: self._moved(before.digest, "draining")} if before.digest else {}
            self._releases |= {**former, digest: self._moved(digest, "active")}
        self._channel = Channel(generation=expected + 1, digest=digest, seen_tree=seen_tree)
        return self._channel

    async def saw_tree(self, digest: str) -> None:
        """See `ReleaseStore.saw_tree`."""
        if self._channel.generation:
            self._channel = replace(self._channel, seen_tree=digest)

    async def record(self, deployment: Deployment) -> None:
        """See `ReleaseStore.record`."""
        self._history.append(replace(deployment, timings_s=dict(deployment.timings_s)))

    async def history(self, limit: int = 50) -> Sequence[Deployment]:
        """See `ReleaseStore.history`."""
        return self._history[::-1][:limit]

    def _moved(self, digest: str, state: ReleaseState) -> StoredRelease:
        before = self._releases.get(digest)
        if before is None:
            raise ReleaseNotFound(f"The store has no release {digest[:8]!r}.")
        if state != before.state and state not in MOVES[before.state]:
            raise Conflict(f"A release that is {before.state} cannot become {state}.")
        return replace(before, state=state)


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

    async def parked(self, thread_id: str, *, tenant: str = "") -> RunRecord | None:
        """See `RunLedger.parked`."""
        mine = (run for run in self._newest_first() if (run.thread_id, run.tenant) == (thread_id, tenant))
        last = next(mine, None)
        return last if last and last.status == "interrupted" else None

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
        return sorted(self._runs.values(), key=lambda run: (run.started_at, run.run_id), reverse=True)


class MemoryJournal:
    """`CallJournal` in memory."""

    def __init__(self) -> None:
        self._entries: dict[str, JournalEntry] = {}

    async def begin(self, entry: JournalEntry) -> JournalEntry | None:
        """See `CallJournal.begin`."""
        known = self._entries.get(entry.key)
        if known is None:
            self._entries[entry.key] = replace(entry, result=None)
        return known

    async def finish(self, key: str, result: ToolResult) -> None:
        """See `CallJournal.finish`."""
        if entry := self._entries.get(key):
            self._entries[key] = replace(entry, result=ToolResult.from_dict(result.to_dict()))

    async def forget(self, key: str) -> None:
        """See `CallJournal.forget`."""
        self._entries.pop(key, None)

    async def in_doubt(self, limit: int = 100) -> Sequence[JournalEntry]:
        """See `CallJournal.in_doubt`."""
        open_ones = (entry for entry in self._entries.values() if entry.result is None)
        return sorted(open_ones, key=lambda entry: entry.began_at)[:limit]

    async def sweep(self, *, before: float) -> int:
        """See `CallJournal.sweep`."""
        old = [key for key, entry in self._entries.items() if entry.result is not None and entry.began_at < before]
        for key in old:
            del self._entries[key]
        return len(old)

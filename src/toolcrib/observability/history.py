"""`ErrorHistory`: the last errors of each tool, noted from events and written down beside the calls."""

from collections import deque
from collections.abc import Sequence

from toolcrib.core.errors import ToolNotFound
from toolcrib.core.events import Event, ToolFinished
from toolcrib.core.ports import Clock
from toolcrib.core.results import said
from toolcrib.core.stores.history import KEPT, MAX_PAIRS, ErrorRecord, ErrorStore

NOTED: frozenset[type[Event]] = frozenset({ToolFinished})
# Names that no release knows are invented and have no end; a caller that goes away is no error of the tool.
PASSED_OVER = frozenset({ToolNotFound.code, "cancelled"})


class FreshErrors:
    """Errors that are not written down yet, bounded like the store. `observe` is a direct hook of the event hub."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._fresh: dict[tuple[str, str], deque[ErrorRecord]] = {}

    def observe(self, event: Event) -> None:
        """Note a call that failed; must be called on the event loop."""
        if isinstance(event, ToolFinished) and event.result.error is not None:
            self._note(event)

    def take(self) -> list[ErrorRecord]:
        """What was noted since this was last called, from the oldest to the newest."""
        fresh, self._fresh = self._fresh, {}
        return sorted((one for some in fresh.values() for one in some), key=lambda one: one.at)

    def _note(self, event: ToolFinished) -> None:
        result, error = event.result, event.result.error
        pair = result.tool, event.tenant
        if error is None or error.code in PASSED_OVER or (pair not in self._fresh and len(self._fresh) >= MAX_PAIRS):
            return
        record = ErrorRecord(
            tool=result.tool,
            at=self._clock.now(),
            release=result.release,
            code=error.code,
            severity=error.severity,
            escalated=error.escalated,
            layer=error.layer,
            message=said(error.message),
            call_id=result.call_id,
            tenant=event.tenant,
            agent=event.agent,
            run_id=event.run_id,
        )
        self._fresh.setdefault(pair, deque(maxlen=KEPT)).append(record)


class ErrorHistory:
    """The last errors of each tool, over all processes that share the store, and over restarts."""

    def __init__(self, *, fresh: FreshErrors, store: ErrorStore) -> None:
        self._fresh = fresh
        self._store = store

    async def flush(self) -> None:
        """Write down what was noted; called every few seconds, and when the project closes."""
        if records := self._fresh.take():
            await self._store.add(records)

    async def newest(self, tool: str, *, tenant: str | None = None, limit: int = KEPT) -> Sequence[ErrorRecord]:
        """The errors of a tool, the newest first: all of this process, those of others as far as they are written."""
        await self.flush()
        return await self._store.newest(tool, tenant=tenant, limit=limit)

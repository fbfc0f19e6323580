"""Escalations: which tools fail so often that each further failure is worse than one.

Nothing here reads a clock: callers tell the time.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from toolcrib.core.events import ToolEscalated
from toolcrib.core.policies import Escalate
from toolcrib.core.ports import EventSink

MAX_RECORDS = 10_000
MAX_FAILURES = 1_000  # what `Escalate.after` may ask for


class EscalationKey(NamedTuple):
    """Whose failures count together: a tool's code, called by one tenant."""

    tool: str
    digest: str
    tenant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """A tool that fails too often for a tenant, and for how long that has been so."""

    tool: str
    tenant: str
    duration_s: float


@dataclass(slots=True, kw_only=True)
class _Record:
    """The newest failures of one key; the present episode, or the last one, lies between `since` and `until`."""

    failures: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_FAILURES))
    since: float = 0.0
    until: float = float("-inf")


class Escalations:
    """The failures of a process's tools; outlives releases, so that unchanged code keeps its record."""

    def __init__(self, *, events: EventSink) -> None:
        self._events = events
        self._records: dict[EscalationKey, _Record] = {}  # the one that failed last is the last

    def note(self, key: EscalationKey, policy: Escalate, now: float, *, release: str) -> bool:
        """Count one failure; whether an episode was going on already, so that it is one step worse."""
        record = self._records.pop(key) if key in self._records else _Record()
        self._records[key] = record
        if len(self._records) > MAX_RECORDS:
            del self._records[next(iter(self._records))]
        record.failures.append(now)
        goes_on = now < record.until
        if len(record.failures) >= policy.after and record.failures[-policy.after] > now - policy.window_s:
            record.until = now + policy.window_s
            if not goes_on:
                record.since = now
                self._tell(key, policy, release)
        return goes_on

    def episodes(self, tool: str, now: float, *, tenant: str | None = None) -> list[Episode]:
        """The episodes of a tool that go on, of one tenant or of all."""
        return [
            Episode(tool=key.tool, tenant=key.tenant, duration_s=now - record.since)
            for key, record in self._records.items()
            if key.tool == tool and tenant in (None, key.tenant) and now < record.until
        ]

    def _tell(self, key: EscalationKey, policy: Escalate, release: str) -> None:
        if self._events.wants(ToolEscalated):
            self._events.emit(
                ToolEscalated(
                    tool=key.tool, tenant=key.tenant, release=release, errors=policy.after, window_s=policy.window_s
                )
            )

"""What the pool of worker processes may use."""

from dataclasses import dataclass

from toolcrib.core.settings import ProcessesSettings

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of the pool.

    Attributes:
        workers: processes at once, over all releases.
        memory_bytes: private memory of each, what it shares with the fork server included.
        calls_per_worker: a worker is replaced after so many calls.
        message_bytes: arguments or result of one call, as JSON.
    """

    workers: int
    memory_bytes: int
    calls_per_worker: int
    message_bytes: int

    @classmethod
    def of(cls, settings: ProcessesSettings) -> "Limits":
        """As `toolcrib.yaml` has it."""
        return cls(
            workers=settings.workers,
            memory_bytes=settings.memory_mb * MEGABYTE,
            calls_per_worker=settings.calls_per_worker,
            message_bytes=settings.result_mb * MEGABYTE,
        )

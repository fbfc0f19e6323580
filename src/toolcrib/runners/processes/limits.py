"""What the pool of worker processes may use."""

from dataclasses import dataclass

from toolcrib.core.settings import ProcessesSettings

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of the pool.

    Attributes:
        workers: processes at once, over all releases.
        min_workers: so many, once started, stay, if their release does.
        idle_s: further ones end after so many seconds without work.
        memory_bytes: private memory of each, what it shares with the fork server included.
        calls_per_worker: a worker is replaced after so many calls.
        message_bytes: arguments or result of one call, as JSON.
    """

    workers: int
    min_workers: int
    idle_s: float
    memory_bytes: int
    calls_per_worker: int
    message_bytes: int

    @classmethod
    def of(cls, settings: ProcessesSettings, *, auto_workers: int) -> "Limits":
        """As `toolcrib.yaml` has it; `auto_workers` is what `auto` means on this machine."""
        return cls(
            workers=auto_workers if settings.workers == "auto" else settings.workers,
            min_workers=settings.min_workers,
            idle_s=settings.idle_s,
            memory_bytes=settings.memory_mb * MEGABYTE,
            calls_per_worker=settings.calls_per_worker,
            message_bytes=settings.result_mb * MEGABYTE,
        )

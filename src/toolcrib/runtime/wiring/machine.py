"""`Machine`: what this process may use of the machine, by its affinity and the limits of its control groups."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from toolcrib.stores.memory.use import CGROUPS, PROC, control_groups, memory_reader

FEWEST_WORKERS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What there is.

    Attributes:
        memory_used: tells the part of the memory that is in use, 0 to 1.
        processors: how many, fractions rounded up; `os.cpu_count()` would be the whole machine's.
    """

    memory_used: Callable[[], float]
    processors: int

    @property
    def worker_processes(self) -> int:
        """How many are worth while: one for each processor, but two, so that one slow call does not block all."""
        return max(FEWEST_WORKERS, self.processors)


def look_at_machine(*, proc: Path = PROC, cgroups: Path = CGROUPS) -> Machine:
    """Read it from the kernel's files, which blocks for some milliseconds at most."""
    groups = control_groups("cpu", proc=proc, cgroups=cgroups)
    quotas = [quota for folder, version in groups if (quota := _quota(folder, version)) is not None]
    return Machine(
        memory_used=memory_reader(proc=proc, cgroups=cgroups), processors=ceil(min([float(_affinity()), *quotas]))
    )


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quota(folder: Path, version: int) -> float | None:
    """Processors a group may use (https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu); None without a bound."""
    try:
        if version == 2:
            most, period = (folder / "cpu.max").read_text(encoding="ascii").split()
        else:
            most, period = ((folder / f"cpu.cfs_{name}_us").read_text(encoding="ascii") for name in ("quota", "period"))
        return int(most) / int(period) if most != "max" and int(most) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None

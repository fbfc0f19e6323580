"""What a process holds, as the kernel and the interpreter count it."""

import asyncio
import gc
import os
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """What this process holds now.

    Attributes:
        resident_mb: memory that is in use and not swapped out, in MiB.
        modules: modules of projects that are imported.
        children: processes it started that have not ended.
        files: open files and sockets.
    """

    resident_mb: float
    modules: int
    threads: int
    tasks: int
    children: int
    files: int

    @classmethod
    def now(cls) -> "Holdings":
        """Count, after the garbage is gone."""
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()
        return cls(
            resident_mb=round(pages * os.sysconf("SC_PAGE_SIZE") / MIB, 1),
            modules=sum("@" in (getattr(module, "__file__", None) or "") for module in list(sys.modules.values())),
            threads=threading.active_count(),
            tasks=len(asyncio.all_tasks()),
            children=len(children),
            files=len(list(Path("/proc/self/fd").iterdir())),
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready mapping."""
        return asdict(self)

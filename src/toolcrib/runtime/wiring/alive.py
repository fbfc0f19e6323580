"""Which processes have a project open: each holds a lock on a file, and the kernel lets go of it when the process dies.

A process id would not do: after a restart in a container another process has the same one.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Processes:
    """The processes that have a project open: the `name` of this one, and what became of others."""

    folder: Path
    name: str

    def has_ended(self, name: str) -> bool:
        """Whether the process with this name has ended, in order or by a kill."""
        try:
            file = (self.folder / name).open("rb")
        except FileNotFoundError:
            return True
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            (self.folder / name).unlink(missing_ok=True)
        return True


@contextmanager
def alive(folder: Path, name: str) -> Iterator[Processes]:
    """For the length of the block this process is seen as alive under this name."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    with path.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield Processes(folder, name)
        finally:
            path.unlink(missing_ok=True)

"""Which processes have a project open: each holds a lock on a file, and the kernel lets go of it when the process dies.

A process id would not do: after a restart in a container another process has the same one.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO


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
    """For the length of the block this process is seen as alive by this name; what dead ones left is cleared away."""
    folder.mkdir(parents=True, exist_ok=True)
    path, processes = folder / name, Processes(folder, name)
    for left in folder.iterdir():
        processes.has_ended(left.name)
    with _locked(path):
        try:
            yield processes
        finally:
            path.unlink(missing_ok=True)


def _locked(path: Path) -> BinaryIO:
    """A new file under a lock; made again when somebody who clears away came between the two."""
    while True:
        file = path.open("wb")
        fcntl.flock(file, fcntl.LOCK_EX)
        if path.exists():
            return file
        file.close()

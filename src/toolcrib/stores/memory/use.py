"""How much of the memory this process may use is in use: its control groups (version 2, 1), else the machine."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType

PROC, CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")
_NO_LIMIT = 1 << 60  # version 1 says "no limit" with a number near 2**63


def memory_reader(*, proc: Path = PROC, cgroups: Path = CGROUPS) -> Callable[[], float]:
    """A function that tells the part in use, 0 to 1, from small kernel files (some 200 µs); 0.0 where there are none.

    Of several limits the nearest one counts: of a control group, those above it, and the machine. Pages of files that
    the kernel can drop at once (`inactive_file`) do not count as used, as with Kubernetes:
    https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/
    """
    folders = control_groups("memory", proc=proc, cgroups=cgroups)
    groups = [(folder, names) for folder, version in folders if (folder / (names := _FILES[version])[1]).is_file()]

    def used() -> float:
        try:
            parts = [_group_used(folder, names) for folder, names in groups]
            return max([*parts, _machine_used(proc)])
        except (OSError, ValueError):
            return 0.0

    return used


def process_reader(*, proc: Path = PROC) -> Callable[[], float]:
    """A function that tells what this process, without its children, has in memory, MiB; 0.0 where nobody says."""

    def used() -> float:
        try:
            return _field(proc / "self" / "status", "VmRSS:") / 1024
        except (OSError, ValueError):
            return 0.0

    return used


_FILES = MappingProxyType(
    {
        2: ("memory.current", "memory.max", "inactive_file"),
        1: ("memory.usage_in_bytes", "memory.limit_in_bytes", "total_inactive_file"),
    }
)


def control_groups(controller: str, *, proc: Path = PROC, cgroups: Path = CGROUPS) -> Iterator[tuple[Path, int]]:
    """Folders of this process's control groups that may limit it, the nearest first, each with its version, 1 or 2."""
    try:
        lines = (proc / "self" / "cgroup").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield from ((folder, 2) for folder in _upwards(cgroups, path))
        elif controller in controllers.split(","):
            yield from ((folder, 1) for folder in _upwards(cgroups / controller, path))


def _upwards(root: Path, path: str) -> Iterator[Path]:
    """The folder of a control group, and those above it, up to the root; a path of another namespace is the root."""
    folder = root / path.strip("/")
    while folder != root and root in folder.parents:
        yield folder
        folder = folder.parent
    yield root


def _group_used(folder: Path, names: tuple[str, str, str]) -> float:
    current, limit, droppable = names
    bound = (folder / limit).read_text(encoding="ascii").strip()
    if bound == "max" or int(bound) >= _NO_LIMIT or int(bound) <= 0:
        return 0.0
    used = int((folder / current).read_text(encoding="ascii"))
    return (used - _field(folder / "memory.stat", droppable)) / int(bound)


def _machine_used(proc: Path) -> float:
    total = _field(proc / "meminfo", "MemTotal:")
    return 1.0 - _field(proc / "meminfo", "MemAvailable:") / total if total else 0.0


def _field(path: Path, name: str) -> int:
    """The number behind a name at the beginning of a line; 0 when there is none."""
    for line in path.read_text(encoding="ascii").splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == name:
            return int(words[1])
    return 0

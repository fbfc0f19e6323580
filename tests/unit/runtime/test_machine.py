"""What this process may use of the machine: processors by quota and affinity, memory by the kernel's files."""

import os
from pathlib import Path

import pytest

from toolcrib.core.settings import ProcessesSettings
from toolcrib.runners.processes.limits import Limits
from toolcrib.runtime.wiring.machine import Machine, look_at_machine

HERE = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def look(tmp_path: Path, group: str, files: dict[str, str]) -> Machine:
    proc = tmp_path / "proc"
    (proc / "self").mkdir(parents=True)
    (proc / "self" / "cgroup").write_text(group)
    (proc / "meminfo").write_text("MemTotal: 1000 kB\nMemAvailable: 750 kB\n")
    for name, text in files.items():
        path = tmp_path / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return look_at_machine(proc=proc, cgroups=tmp_path / "groups")


@pytest.mark.parametrize(
    ("group", "files", "processors"),
    [
        ("0::/me", {"me/cpu.max": "50000 100000"}, 1),
        ("0::/me", {"me/cpu.max": "max 100000"}, HERE),
        ("0::/app/me", {"app/me/cpu.max": "max 100000", "app/cpu.max": "90000 100000"}, 1),
        ("0::/me", {}, HERE),
        ("0::/me", {"me/cpu.max": "what is this"}, HERE),
        ("1:cpu,cpuacct:/me", {"cpu/me/cpu.cfs_quota_us": "20000", "cpu/me/cpu.cfs_period_us": "100000"}, 1),
        ("1:cpu:/me", {"cpu/me/cpu.cfs_quota_us": "-1", "cpu/me/cpu.cfs_period_us": "100000"}, HERE),
        ("1:cpu:/me", {"cpu/cpu.cfs_quota_us": "100000000", "cpu/cpu.cfs_period_us": "100000"}, HERE),
        ("", {}, HERE),
    ],
)
def test_processors_are_those_of_the_nearest_quota_and_no_more_than_the_affinity(
    tmp_path: Path, group: str, files: dict[str, str], processors: int
) -> None:
    assert look(tmp_path, group, files).processors == processors


def test_memory_is_read_by_the_same_files_as_ever(tmp_path: Path) -> None:
    assert look(tmp_path, "", {}).memory_used() == 0.25


@pytest.mark.parametrize(("processors", "workers"), [(1, 2), (2, 2), (7, 7)])
def test_worker_processes_are_one_for_each_processor_and_at_least_two(processors: int, workers: int) -> None:
    machine = Machine(memory_used=lambda: 0.0, processors=processors)
    assert Limits.of(ProcessesSettings(), auto_workers=machine.worker_processes).workers == workers
    assert Limits.of(ProcessesSettings(workers=3), auto_workers=machine.worker_processes).workers == 3

"""How much memory is in use, read from the kernel's files."""

from pathlib import Path

import pytest

from toolcrib.stores.memory.use import memory_reader, process_reader

MACHINE = "MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    700 kB\n"


def machine(root: Path, *, group: str = "", meminfo: str = MACHINE) -> Path:
    proc = root / "proc"
    (proc / "self").mkdir(parents=True)
    (proc / "meminfo").write_text(meminfo)
    (proc / "self" / "cgroup").write_text(group)
    return proc


def write(folder: Path, **values: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in values.items():
        (folder / name.replace("_DOT_", ".")).write_text(value + "\n")


def v2(folder: Path, *, current: int, limit: str, droppable: int = 0) -> None:
    stat = f"anon 5\nfile 7\ninactive_file {droppable}"
    write(folder, memory_DOT_current=str(current), memory_DOT_max=limit, memory_DOT_stat=stat)


def used(proc: Path, cgroups: Path) -> float:
    return round(memory_reader(proc=proc, cgroups=cgroups)(), 3)


def test_without_control_groups_the_machine_counts(tmp_path: Path) -> None:
    assert used(machine(tmp_path), tmp_path / "none") == 0.3


def test_the_limit_of_a_version_2_group_counts_without_droppable_pages(tmp_path: Path) -> None:
    proc = machine(tmp_path, group="0::/app.slice/me\n")
    v2(tmp_path / "cg/app.slice/me", current=900, limit="1000", droppable=200)
    assert used(proc, tmp_path / "cg") == 0.7


def test_the_nearest_of_several_limits_counts(tmp_path: Path) -> None:
    proc = machine(tmp_path, group="0::/app.slice/me\n")
    v2(tmp_path / "cg/app.slice/me", current=100, limit="max")
    v2(tmp_path / "cg/app.slice", current=950, limit="1000")
    v2(tmp_path / "cg", current=10, limit="1000")
    assert used(proc, tmp_path / "cg") == 0.95


def test_in_a_container_the_group_is_the_root_of_what_is_seen(tmp_path: Path) -> None:
    proc = machine(tmp_path, group="0::/../elsewhere\n")
    v2(tmp_path / "cg", current=980, limit="1000")
    assert used(proc, tmp_path / "cg") == 0.98


def test_the_limit_of_a_version_1_group_counts(tmp_path: Path) -> None:
    proc = machine(tmp_path, group="9:cpu,cpuacct:/x\n8:memory:/docker/me\n1:name=systemd:/x\n0::/\n")
    write(
        tmp_path / "cg/memory/docker/me",
        memory_DOT_usage_in_bytes="960",
        memory_DOT_limit_in_bytes="1000",
        memory_DOT_stat="cache 5\ntotal_inactive_file 60",
    )
    write(
        tmp_path / "cg/memory",
        memory_DOT_usage_in_bytes="99999",
        memory_DOT_limit_in_bytes="9223372036854771712",
        memory_DOT_stat="total_inactive_file 0",
    )
    assert used(proc, tmp_path / "cg") == 0.9


@pytest.mark.parametrize("meminfo", ["", "MemTotal: x kB\n", "nonsense"])
def test_where_nothing_can_be_read_memory_is_not_scarce(tmp_path: Path, meminfo: str) -> None:
    assert used(machine(tmp_path, meminfo=meminfo), tmp_path / "cg") == 0.0
    assert used(tmp_path / "no-proc", tmp_path / "cg") == 0.0


def test_a_group_that_went_away_is_no_failure(tmp_path: Path) -> None:
    proc = machine(tmp_path, group="0::/me\n")
    v2(tmp_path / "cg/me", current=900, limit="1000")
    read = memory_reader(proc=proc, cgroups=tmp_path / "cg")
    assert read() == 0.9
    (tmp_path / "cg/me/memory.current").unlink()
    assert read() == 0.0


def test_what_the_process_has_in_memory_is_told_in_mebibytes_and_nothing_where_nobody_says(tmp_path: Path) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "status").write_text("Name:\tpython\nVmRSS:\t  204800 kB\n")
    assert process_reader(proc=tmp_path)() == 200.0
    assert process_reader(proc=tmp_path / "none")() == 0.0

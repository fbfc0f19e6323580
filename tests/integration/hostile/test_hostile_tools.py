"""Whatever a tool in a worker process does, its call ends, its processes are gone, and nobody else notices."""

import asyncio
import logging
import os
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

import toolcrib
from tests.integration.hostile.project import write_hostile_project
from tests.unit.runners.processes.conftest import ended, lives
from toolcrib import Crib

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def crib(anyio_backend: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Crib]:
    """One open project for all tests of this file: it must survive each of them."""
    async with toolcrib.open(write_hostile_project(tmp_path_factory.mktemp("hostile"))) as crib:
        yield crib


@asynccontextmanager
async def neighbour(crib: Crib, tmp_path: Path) -> AsyncIterator[None]:
    """A call in flight all the while, in a worker of its own, which must keep its process and its result."""
    lines: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    place = str(tmp_path / "place")
    server = await asyncio.start_unix_server(lambda *line: lines.put_nowait(line), place)
    async with server:
        call = asyncio.ensure_future(crib.call("meets", {"place": place}))
        with anyio.fail_after(20):
            reader, writer = await lines.get()
            pid = int(await reader.readline())
        try:
            yield
            assert lives(pid)
            writer.write(b"kept")
        finally:
            writer.close()
            with anyio.fail_after(20):
                result = await call
        assert result.value == "kept"


async def answers(crib: Crib) -> None:
    """The next calls work, as many at once as there are workers."""
    with anyio.fail_after(20):
        for result in await asyncio.gather(*(crib.call("pid") for _ in range(4))):
            assert result.ok, result.error


def told(late: Path) -> list[int]:
    """The processes a tool has told of."""
    return [int(word) for word in Path(f"{late}.pids").read_text().split()]


def late_files(folder: Path) -> list[Path]:
    return list(folder.glob("late?"))


HANGING = (
    "sleeps",
    "spins",
    "matches",
    "ignores",
    "catches",
    "blocks",
    "forks",
    "starts",
    "flees",
    "daemonizes",
    "threads",
)


@pytest.mark.parametrize("name", HANGING)
async def test_a_tool_that_hangs_is_ended_with_all_its_processes_and_does_nothing_later(
    crib: Crib, tmp_path: Path, name: str
) -> None:
    late = tmp_path / "late"
    async with neighbour(crib, tmp_path):
        with anyio.fail_after(20):
            result = await crib.call(name, {"path": str(late)})
        assert result.error is not None
        assert result.error.code == "deadline_exceeded"
        pids = told(late)
        assert pids
        assert [pid for pid in pids if lives(pid)] == []
        await answers(crib)
    assert not late.exists()


async def test_a_tool_whose_caller_goes_away_is_ended_too(crib: Crib, tmp_path: Path) -> None:
    late = tmp_path / "late"
    async with neighbour(crib, tmp_path):
        with anyio.move_on_after(0.3) as scope:
            await crib.call("flees", {"path": str(late)}, timeout_s=20)
        assert scope.cancelled_caught
        assert [pid for pid in told(late) if lives(pid)] == []
    assert not late.exists()


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("segfaults", {}, ("tool_crashed", "SIGSEGV")),
        ("aborts", {}, ("tool_crashed", "SIGABRT")),
        ("leaves", {"code": 3}, ("tool_crashed", "exit code 3")),
        ("leaves", {"code": 0}, ("tool_crashed", "exit code 0")),
        ("signals", {"number": int(signal.SIGKILL)}, ("tool_crashed", "SIGKILL")),
        ("signals", {"number": int(signal.SIGTERM)}, ("tool_crashed", "SIGTERM")),
        ("kills_group", {}, ("tool_crashed", "SIGKILL")),
        ("recurses", {}, ("tool_crashed", "SIG")),
        ("eats", {}, ("tool_crashed", "memory limit of 512 MB")),
        ("closes_all", {}, ("tool_crashed", "worker process")),
        ("babbles", {}, ("tool_crashed", "worker process")),
        ("raises", {"kind": "exit"}, ("tool_failed", "SystemExit: 3")),
        ("raises", {"kind": "interrupt"}, ("tool_failed", "KeyboardInterrupt")),
        ("raises", {"kind": "generator"}, ("tool_failed", "GeneratorExit")),
        ("raises", {"kind": "odd"}, ("tool_failed", "Odd: o")),
        ("exits", {}, ("tool_failed", "goodbye")),
        ("closes_loop", {}, ("tool_failed", "loop")),
        ("cancels_all", {}, ("tool_failed", "Cancelled")),
        ("shuts_loop", {}, ("tool_failed", "Cannot close a running event loop")),
        ("returns", {"megabytes": 100}, ("tool_failed", "returned 100.0 MB; 8 MB is the most")),
    ],
)
async def test_a_tool_that_ends_badly_is_told_of_and_nobody_else_notices(
    crib: Crib, tmp_path: Path, name: str, args: dict[str, object], expected: tuple[str, str]
) -> None:
    code, words = expected
    async with neighbour(crib, tmp_path):
        with anyio.fail_after(20):
            result = await crib.call(name, args)
        assert result.error is not None, result.value
        assert (result.error.code, result.attempts) == (code, 1)
        assert words in result.error.message
        assert "Traceback" not in result.text()
        await answers(crib)


@pytest.mark.parametrize(("name", "value"), [("closes_streams", "closed"), ("meddles", "meddled")])
async def test_what_a_tool_does_to_its_own_process_disturbs_no_call(
    crib: Crib, tmp_path: Path, name: str, value: str
) -> None:
    async with neighbour(crib, tmp_path):
        for _ in range(2):
            with anyio.fail_after(20):
                result = await crib.call(name)
            assert result.value == value or result.error is not None
        await answers(crib)


async def test_of_two_processes_that_return_from_one_call_only_one_answers(crib: Crib, tmp_path: Path) -> None:
    async with neighbour(crib, tmp_path):
        values = [(await crib.call("forks_and_returns", {"number": number})).value for number in range(5)]
        assert [number for number, _ in values] == list(range(5))
        assert len({pid for _, pid in values}) == 1


async def test_an_answer_never_goes_into_a_file_that_took_the_connections_place(crib: Crib, tmp_path: Path) -> None:
    file = tmp_path / "file"
    result = await crib.call("mistakes_the_line", {"path": str(file)})
    assert result.error is not None
    assert result.error.code == "tool_crashed"
    assert file.read_bytes() == b""
    await answers(crib)


async def test_a_flood_of_output_is_logged_within_bounds_and_stalls_nobody(
    crib: Crib, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    async with neighbour(crib, tmp_path):
        with caplog.at_level(logging.INFO, "toolcrib.tools"), anyio.fail_after(30):
            assert (await crib.call("floods")).value == "done"
    lines = [record for record in caplog.records if record.name == "toolcrib.tools"]
    assert 0 < len(lines) < 200
    assert {vars(record)["tool"] for record in lines} == {"floods"}
    assert "dropped" in lines[-1].getMessage()
    assert capfd.readouterr().out == ""


async def test_langchain_tools_run_in_worker_processes_too(crib: Crib) -> None:
    result = await crib.call("chained", {"order": {"id": 1, "lines": ["a"]}})
    assert result.ok, result.error
    assert result.value.pop("pid") != os.getpid()
    assert result.value == {"order": {"id": 1, "lines": ["a"]}, "lines": ("a",)}
    assert (await crib.call("chained_async", {"a": 1})).value == 2


async def test_a_worker_full_of_leaked_threads_is_replaced(crib: Crib, tmp_path: Path) -> None:
    async with neighbour(crib, tmp_path):
        pid = (await crib.call("leaks")).value
        await ended(pid)
        await answers(crib)


async def test_calls_that_wait_behind_hanging_ones_have_their_turn(crib: Crib, tmp_path: Path) -> None:
    with anyio.fail_after(20):
        hanging = [crib.call("sleeps", {"path": str(tmp_path / f"late{n}")}) for n in range(4)]
        *stopped, first, second = await asyncio.gather(*hanging, crib.call("pid"), crib.call("pid"))
    assert [result.ok for result in stopped] == [False] * 4
    assert first.ok
    assert second.ok
    assert late_files(tmp_path) == []


CHANGED = '''
from toolcrib import tool

@tool(isolation="process")
def pid() -> int:
    """The id of the worker, {0}."""
    import os
    return os.getpid()
'''


async def test_workers_come_with_a_release_and_go_with_it(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "a.py").write_text(CHANGED.format(0))
    async with toolcrib.open(tmp_path) as crib:
        first = (await crib.call("pid")).value
        (tmp_path / "tools" / "a.py").write_text("never looked at by a worker")
        assert (await crib.call("pid")).value == first
        for number in range(1, 5):
            (tmp_path / "tools" / "a.py").write_text(CHANGED.format(number))
            assert (await crib.deploy()).state == "active"
            last = (await crib.call("pid")).value
            assert last != first
        await ended(first)
        server = parent_of(last)
    assert not any(lives(pid) for pid in (first, last, server))


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def wait_for_end(pid: int) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([descriptor], [], [], 10)[0]
    finally:
        os.close(descriptor)


PARENT = """
import asyncio, logging, sys, toolcrib

logging.basicConfig(stream=sys.stdout, format="%(message)s")
logging.getLogger("toolcrib.tools").setLevel(logging.INFO)

async def main():
    async with toolcrib.open(sys.argv[1]) as crib:
        print((await crib.call("pid")).value, flush=True)
        await crib.call("flees", {"path": sys.argv[2]}, timeout_s=60)

asyncio.run(main())
"""


def test_a_server_that_is_killed_leaves_no_process_behind(tmp_path: Path) -> None:
    root, late = write_hostile_project(tmp_path / "project"), tmp_path / "late"
    (root / "tools.yaml").write_text("tools: {flees: {timeout_s: 60}}\n")  # the default would end it too soon
    with subprocess.Popen([sys.executable, "-c", PARENT, str(root), str(late)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        server = parent_of(worker)
        started = [int(parent.stdout.readline()) for _ in range(3)]
        parent.kill()
        parent.wait(10)
    for pid in (worker, server, *started):
        wait_for_end(pid)
        assert not lives(pid)
    assert not late.exists()

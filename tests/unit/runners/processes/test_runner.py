"""The process runner: warm workers, bounded, fair, replaced when they die, and gone when nobody needs them."""

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.unit.runners.processes import tools
from tests.unit.runners.processes.conftest import Make, appears, call, children, ended, lives, open_files
from toolcrib.core.calls import ToolContext
from toolcrib.core.errors import ArgumentsInvalid, DeadlineExceeded, ToolCrashed, ToolError, ToolFailed
from toolcrib.core.redaction import Masks
from toolcrib.runners.processes.runner import ProcessRunner
from toolcrib.testing import make_tool

pytestmark = pytest.mark.anyio


async def pid_of(runner: ProcessRunner, release: str = "r-1") -> int:
    return int((await call(runner, tools.whoami, release=release))["pid"])


async def hang(runner: ProcessRunner, path: Path, **policy: Any) -> tuple[asyncio.Task[Any], int]:
    """A call that hangs, and the id of its worker."""
    task = asyncio.ensure_future(call(runner, tools.hangs, path=str(path), policy=policy))
    return task, int(await appears(anyio.Path(path)))


async def test_a_tool_runs_in_a_process_with_a_session_of_its_own(runner: ProcessRunner) -> None:
    who = await call(runner, tools.whoami)
    assert os.getpid() not in who.values()
    assert who["pid"] == who["session"] == who["group"] != who["parent"]


async def test_a_worker_is_used_again_and_serves_one_release_only(runner: ProcessRunner) -> None:
    first = await pid_of(runner)
    assert await pid_of(runner) == first
    assert await pid_of(runner, "r-2") != first


async def test_coroutine_tools_run_there_too(runner: ProcessRunner) -> None:
    assert await call(runner, tools.later, value=4) == 4
    assert await call(runner, tools.later, value=5) == 5


async def test_the_plain_fields_of_the_context_cross(runner: ProcessRunner) -> None:
    context = await call(runner, tools.told, policy={"attempt_timeout_s": 3.0})
    assert (context["call_id"], context["tenant"], context["release"]) == ("c-1", "acme", "r-1")
    assert context["timeout_s"] == 3.0


async def test_arguments_without_an_end_are_refused_as_such(runner: ProcessRunner) -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ArgumentsInvalid, match="cannot cross to its worker process") as refused:
        await call(runner, tools.echo, value=endless)
    assert "circular" in refused.value.hint


async def test_half_a_character_in_a_name_crosses_in_its_escaped_form(runner: ProcessRunner) -> None:
    broken = ToolContext(tool="told", call_id="c-1", release="r-1", tenant="a\ud800", timeout_s=9.0)
    context = await runner.run(make_tool(tools.told), {}, broken)
    assert (context["tenant"], context["call_id"], context["timeout_s"]) == ("a\\ud800", "c-1", 9.0)


async def test_arguments_and_results_keep_their_types_and_their_size_is_bounded(runner: ProcessRunner) -> None:
    value = {"a": [1, 2.5, None, True], "b": (b"\xff", {1, 2}), "c": "文"}
    assert await call(runner, tools.echo, value=value) == value
    pid = await pid_of(runner)
    with pytest.raises(ToolFailed, match=r"was given 2\.0 MB; 1 MB is the most"):
        await call(runner, tools.echo, value="x" * 2 * 1024 * 1024)
    assert await pid_of(runner) == pid


async def test_what_only_the_graph_can_use_cannot_leave_a_worker(runner: ProcessRunner) -> None:
    with pytest.raises(
        TypeError, match="a Command or ToolMessage cannot leave a worker process; use isolation: thread"
    ):
        await call(runner, tools.hands_over)


async def test_an_error_of_the_tool_arrives_with_its_name_and_what_it_says(runner: ProcessRunner) -> None:
    pid = await pid_of(runner)
    with pytest.raises(ValueError, match=r"^v$") as caught:
        await call(runner, tools.raises, kind="value")
    assert type(caught.value).__name__ == "ValueError"
    with pytest.raises(ToolError, match=r"^t$") as told:
        await call(runner, tools.raises, kind="tool")
    assert (told.value.hint, told.value.retryable, told.value.retry_after_s) == ("h", True, 2.0)
    with pytest.raises(RuntimeError, match=r"^SystemExit: 3$"):
        await call(runner, tools.raises, kind="exit")
    with pytest.raises(RuntimeError, match=r"^KeyboardInterrupt: k$"):
        await call(runner, tools.raises, kind="interrupt")
    assert await pid_of(runner) == pid


async def test_the_stack_trace_is_logged_here_and_not_in_the_message(
    runner: ProcessRunner, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "toolcrib.tools"), pytest.raises(ValueError, match=r"^v$"):
        await call(runner, tools.raises, kind="value")
    (record,) = [record for record in caplog.records if record.name == "toolcrib.tools"]
    assert "Traceback" in vars(record)["traceback"]
    assert "tools.py" in vars(record)["traceback"]


@pytest.mark.parametrize("before", [0, 1_990])
async def test_what_is_sensitive_leaves_the_worker_in_no_word_of_an_error_however_it_is_cut(
    runner: ProcessRunner, caplog: pytest.LogCaptureFixture, before: int
) -> None:
    made = make_tool(tools.quotes)
    made = replace(made, spec=replace(made.spec, sensitive=Masks(args={"*": True, "before": False})))
    context = ToolContext(tool="quotes", call_id="c-1", release="r-1")
    with caplog.at_level(logging.INFO, "toolcrib.tools"), pytest.raises(ConnectionError) as caught:
        await runner.run(made, {"card": "4111-2222-3333", "before": before}, context)
    assert type(caught.value).__name__ == "BusyError"
    (record,) = [record for record in caplog.records if record.name == "toolcrib.tools"]
    assert "4111" not in str(caught.value) + vars(record)["traceback"]
    assert "[redacted]" in vars(record)["traceback"]


@pytest.mark.parametrize(
    ("code", "words", "hint"),
    [
        (3, "exit code 3", ""),
        (0, "exit code 0", ""),
        (-11, "SIGSEGV", "memory limit"),
        (-9, "SIGKILL", "short of memory"),
    ],
)
async def test_a_worker_that_dies_is_told_of_in_words_and_replaced(
    runner: ProcessRunner, code: int, words: str, hint: str
) -> None:
    pid = await pid_of(runner)
    with pytest.raises(ToolCrashed, match=f"^Tool 'ends' ended its worker process with {words}\\.$") as caught:
        await call(runner, tools.ends, code=code)
    assert caught.value.started
    assert hint in caught.value.hint
    assert bool(hint) == bool(caught.value.hint)
    assert await pid_of(runner) != pid


async def test_what_tools_print_is_logged_by_line_with_tool_and_release_and_the_amount_is_bounded(
    runner: ProcessRunner, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.INFO, "toolcrib.tools"):
        await call(runner, tools.says, text="one\ntwo")
        await call(runner, tools.says, text="three\n", error=True)
        await call(runner, tools.says, text="x" * 999 + "\n", times=1000)
    records = [record for record in caplog.records if record.name == "toolcrib.tools"]
    assert [record.getMessage() for record in records[:3]] == ["one", "two", "three"]
    assert {(vars(record)["tool"], vars(record)["release"]) for record in records} == {("says", "r-1")}
    assert len(records) < 100
    assert records[-1].getMessage() == f"output dropped: {1_000_000 - 64 * 1024} bytes"
    assert capfd.readouterr() == ("", "")


async def test_a_cancelled_call_kills_its_worker_and_no_other(runner: ProcessRunner, tmp_path: Path) -> None:
    task, pid = await hang(runner, tmp_path / "pid")
    other = await pid_of(runner)
    task.cancel()
    with anyio.fail_after(5):
        await asyncio.wait([task])
    assert task.cancelled()
    assert not lives(pid)
    assert lives(other)


async def test_a_call_cancelled_while_its_lost_worker_is_looked_after_leaves_no_gap(
    make_runner: Make, tmp_path: Path
) -> None:
    runner = make_runner(workers=1)
    task = asyncio.ensure_future(call(runner, tools.cuts_the_line, path=str(tmp_path / "pid")))
    pid = int(await appears(anyio.Path(tmp_path / "pid")))
    with anyio.fail_after(5):
        while set(open_files(pid)) - {"0", "1", "2"}:
            await anyio.lowlevel.checkpoint()
        for _ in range(10):
            await anyio.lowlevel.checkpoint()
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled()
    await ended(pid)
    assert await pid_of(runner) == await pid_of(runner)


async def test_an_attempt_is_timed_from_when_a_worker_has_it(make_runner: Make, tmp_path: Path) -> None:
    runner = make_runner(workers=1)
    # The fork server and the worker take longer to start than this, and are not yet there.
    with pytest.raises(DeadlineExceeded) as caught:
        await call(runner, tools.hangs, path=str(tmp_path / "pid"), policy={"attempt_timeout_s": 0.1})
    assert caught.value.level == "attempt"
    await ended(int((tmp_path / "pid").read_text()))


async def test_calls_wait_for_a_worker_in_the_order_they_came(make_runner: Make, tmp_path: Path) -> None:
    runner = make_runner(workers=1)
    busy, _ = await hang(runner, tmp_path / "pid")
    order: list[int] = []

    async def wait(number: int) -> None:
        order.append(await call(runner, tools.echo, value=number))

    async with anyio.create_task_group() as group:
        for number in range(3):
            group.start_soon(wait, number)
        gives_up = asyncio.ensure_future(call(runner, tools.echo, value=9))
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
        gives_up.cancel()
        busy.cancel()
    assert order == [0, 1, 2]
    await asyncio.wait([busy, gives_up])


async def test_there_are_never_more_workers_than_allowed(make_runner: Make) -> None:
    runner = make_runner(workers=2)
    releases = ("r-1", "r-2", "r-3")
    found = await asyncio.gather(*(pid_of(runner, release) for release in releases * 4))
    living = [pid for pid in set(found) if lives(pid)]
    assert len(living) <= 2


async def test_a_worker_is_replaced_after_its_share_of_calls(make_runner: Make) -> None:
    runner = make_runner(workers=1, calls_per_worker=2)
    pids = [await pid_of(runner) for _ in range(4)]
    assert pids[0] == pids[1] != pids[2] == pids[3]


async def test_an_idle_worker_killed_from_outside_is_missed_by_nobody(make_runner: Make) -> None:
    runner = make_runner()
    for _ in range(3):
        pid = await pid_of(runner)
        os.kill(pid, signal.SIGKILL)
        await ended(pid)
        assert await pid_of(runner) != pid


async def test_a_fork_server_killed_from_outside_takes_its_workers_along_and_comes_again(make_runner: Make) -> None:
    runner = make_runner()
    who = await call(runner, tools.whoami)
    os.kill(who["parent"], signal.SIGKILL)
    await ended(who["parent"])
    await ended(who["pid"])
    assert (await call(runner, tools.whoami))["parent"] != who["parent"]


def test_a_fork_server_that_nobody_waits_for_any_more_ends_without_a_word() -> None:
    ours, its = socket.socketpair()
    ours.close()
    code = "from toolcrib.runners.processes.zygote import main; main()"
    arguments = [sys.executable, "-c", code, "-", str(its.fileno()), "json:loads", "0", "1024"]
    with its:
        done = subprocess.run(arguments, pass_fds=[its.fileno()], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize(("release", "words"), [("break", "broken release"), ("die", "closed its connection")])
async def test_a_release_that_cannot_be_loaded_there_is_told_to_the_call(
    make_runner: Make, release: str, words: str
) -> None:
    runner = make_runner()
    with pytest.raises(ToolCrashed, match=words) as caught:
        await call(runner, tools.echo, release=release)
    assert (caught.value.started, caught.value.attempts) == (False, 0)
    assert await call(runner, tools.echo, value=1) == 1


async def test_idle_workers_end_and_come_again(make_runner: Make) -> None:
    runner = make_runner(idle_s=60)
    pid = await pid_of(runner)
    for now in (0.0, 59.0):
        runner.tend(now)
    assert await pid_of(runner) == pid
    for now in (60.0, 120.0):
        runner.tend(now)
    assert (runner.stats.size, runner.stats.started, runner.stats.ended) == (0, 1, 1)
    await ended(pid)
    assert await pid_of(runner) != pid


async def test_calls_without_a_free_worker_are_counted_as_waiting(make_runner: Make, tmp_path: Path) -> None:
    runner = make_runner(workers=1)
    busy, _ = await hang(runner, tmp_path / "pid")
    waits = asyncio.ensure_future(call(runner, tools.echo, value=1))
    await anyio.lowlevel.checkpoint()
    await anyio.lowlevel.checkpoint()
    assert (runner.stats.size, runner.stats.busy, runner.stats.waiting) == (1, 1, 1)
    busy.cancel()
    assert await waits == 1
    await asyncio.wait([busy])
    assert (runner.stats.busy, runner.stats.waiting) == (0, 0)


async def test_a_retired_release_has_no_workers_and_may_come_again(make_runner: Make) -> None:
    runner = make_runner()
    pid = await pid_of(runner)
    runner.retire("r-1")
    await ended(pid)
    assert await pid_of(runner) != pid


async def test_a_release_that_was_warmed_up_finds_its_worker_there(make_runner: Make) -> None:
    runner = make_runner()
    runner.warm_up("r-1")
    runner.warm_up("r-1")
    who = await call(runner, tools.whoami)
    assert children(who["parent"]) == [who["pid"]]


async def test_closing_kills_everything_and_leaves_no_zombie(make_runner: Make, tmp_path: Path) -> None:
    runner = make_runner()
    busy, busy_pid = await hang(runner, tmp_path / "pid")
    idle = await call(runner, tools.whoami)
    await runner.close()
    with anyio.fail_after(5):
        await asyncio.wait([busy])
    assert isinstance(busy.exception(), ToolCrashed)
    assert not any(lives(pid) for pid in (busy_pid, idle["pid"], idle["parent"]))
    with pytest.raises(ToolCrashed, match="closed"):
        await call(runner, tools.echo)

"""Process runners that are closed, and waiting for processes to be no more."""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, TypeAlias

import anyio
import anyio.lowlevel
import pytest

from tests.unit.runners.processes import tools
from toolcrib.core.calls import ToolContext
from toolcrib.core.ports import Runner
from toolcrib.runners.processes.limits import MEGABYTE, Limits
from toolcrib.runners.processes.runner import ProcessRunner
from toolcrib.testing import make_tool

Make: TypeAlias = Callable[..., ProcessRunner]


@pytest.fixture
async def make_runner() -> AsyncIterator[Make]:
    made: list[ProcessRunner] = []

    def make(**limits: int) -> ProcessRunner:
        made.append(runner_with(**limits))
        return made[-1]

    yield make
    for runner in made:
        await runner.close()


@pytest.fixture(scope="module")
async def runner(anyio_backend: str) -> AsyncIterator[ProcessRunner]:
    """One runner for all tests of a file, with two workers."""
    runner = runner_with()
    yield runner
    await runner.close()


def runner_with(**limits: int) -> ProcessRunner:
    return ProcessRunner(target=tools.LOAD, payload=payload, limits=limits_of(**limits), memory_used=lambda: 0.0)


def limits_of(**limits: int) -> Limits:
    """Two small workers, unless told otherwise."""
    given = {
        "workers": 2,
        "min_workers": 0,
        "idle_s": 60,
        "memory_bytes": 512 * MEGABYTE,
        "calls_per_worker": 1000,
        "message_bytes": MEGABYTE,
    }
    return Limits(**{**given, **limits})


async def payload(release: str) -> bytes:
    """What the release's name says."""
    return release.encode()


async def call(
    runner: Runner,
    function: Callable[..., Any],
    /,
    release: str = "r-1",
    policy: Mapping[str, Any] | None = None,
    **args: Any,
) -> Any:
    context = ToolContext(tool=function.__name__, call_id="c-1", release=release, tenant="acme", timeout_s=9.0)
    with anyio.fail_after(20):
        return await runner.run(make_tool(function, **(policy or {})), args, context)


async def ended(pid: int) -> None:
    """Wait until the process is no more (or a zombie nobody has asked after)."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        with anyio.fail_after(10):
            await anyio.wait_readable(descriptor)
    finally:
        os.close(descriptor)


def lives(pid: int) -> bool:
    """Whether there is such a process, and it can still do anything."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def open_files(pid: int) -> list[str]:
    return os.listdir(f"/proc/{pid}/fd")


def children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as listing:
        return [int(word) for word in listing.read().split()]


async def appears(path: anyio.Path) -> str:
    """Wait until the file has a text; gives it back."""
    with anyio.fail_after(10):
        while not (await path.exists() and (text := await path.read_text())):
            await anyio.lowlevel.checkpoint()
    return text

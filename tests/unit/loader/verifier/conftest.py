"""Verifiers that are closed, and projects that tell their process ids."""

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeAlias

import anyio
import pytest

from tests.unit.loader.projects import Files, bundle_of
from toolcrib.loader.verifier.client import Verdict, Verifier

LIGHT = "tests.unit.loader.verifier.checks:load"
Make: TypeAlias = Callable[..., Verifier]


@pytest.fixture
async def make_verifier() -> AsyncIterator[Make]:
    made: list[Verifier] = []

    def make(*, check: str = LIGHT, timeout_s: float = 20.0) -> Verifier:
        made.append(Verifier(check=check, timeout_s=timeout_s))
        return made[-1]

    yield make
    for verifier in made:
        await verifier.close()


@pytest.fixture(scope="module")
async def light(anyio_backend: str) -> AsyncIterator[Verifier]:
    """One verifier process for all tests of a file, with a short time limit."""
    verifier = Verifier(check=LIGHT, timeout_s=1.0)
    yield verifier
    await verifier.close()


async def verify(verifier: Verifier, files: Files, root: Path) -> Verdict:
    with anyio.fail_after(30):
        return await verifier.verify(bundle_of(files), root=str(root))


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


def pids(root: Path, name: str = "pid") -> list[int]:
    return [int(word) for word in (root / name).read_text().split()]


TELL_PIDS = """
import os
with open(os.path.join(os.path.dirname(__file__), 'pid'), 'a') as told:
    told.write(f'{os.getppid()} {os.getpid()} ')
"""
"""Writes the ids of the verifier process and of its child beside the module."""

"""Opening a project is cancelled while a database opens: it opens and is closed again, before its event loop ends."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from toolcrib.runtime.build import open_project

LONG_S = 0.3


@pytest.mark.parametrize("which", ["toolcrib.db", "threads.db"])
def test_a_database_that_is_half_open_is_opened_and_closed(
    tmp_path: Path, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tools").mkdir()
    connect: Callable[..., sqlite3.Connection] = sqlite3.connect
    over = threading.Event()
    told: list[str] = []
    others = set(threading.enumerate())  # a project may be open for all tests of this process

    async def opening() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def slowly(path: Any, *args: Any, **kwargs: Any) -> sqlite3.Connection:
            """Cancelled when it has begun; it ends when the loop has, unless somebody waits for it."""
            if which in str(path) and not told:
                told.append(which)
                loop.call_soon_threadsafe(task.cancel)
                over.wait(LONG_S)
            return connect(path, *args, **kwargs)

        monkeypatch.setattr(sqlite3, "connect", slowly)
        async with open_project(tmp_path, deploy=False):
            pass

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(opening())
    over.set()
    for thread in set(threading.enumerate()) - others:
        if "connection_worker" in thread.name:
            thread.join(5)
    assert len(told) == 1

"""The forms of a factory: each gives its value, is closed once, and blocks no event loop."""

import contextlib
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from toolcrib.tools.resources.opening import invoke, opened

pytestmark = pytest.mark.anyio


class Thing:
    """Remembers what was done to it, and in which thread."""

    def __init__(self) -> None:
        self.log: list[tuple[str, bool]] = []
        self.did("open")

    def did(self, what: str) -> None:
        self.log.append((what, threading.current_thread() is threading.main_thread()))


class Closable(Thing):
    def close(self) -> None:
        self.did("close")


class AsyncClosable(Thing):
    async def aclose(self) -> None:
        self.did("aclose")

    def close(self) -> None:
        raise AssertionError("`aclose` is the one to use")


class Entered(Thing):
    def __enter__(self) -> "Entered":
        self.did("enter")
        return self

    def __exit__(self, *raised: object) -> None:
        self.did("exit")


class AsyncEntered(Closable):
    async def __aenter__(self) -> "AsyncEntered":
        self.did("aenter")
        return self

    async def __aexit__(self, *raised: object) -> None:
        self.did("aexit")


def generator() -> Iterator[Thing]:
    thing = Thing()
    yield thing
    thing.did("after")


async def async_generator() -> AsyncIterator[Thing]:
    thing = Thing()
    yield thing
    thing.did("after")


async def coroutine() -> Thing:
    return Closable()


async def coroutine_of_a_context_manager() -> Thing:
    return Entered()


HERE, THREAD = True, False


@pytest.mark.parametrize(
    ("factory", "log"),
    [
        (lambda: Thing(), [("open", THREAD)]),
        (lambda: Closable(), [("open", THREAD), ("close", THREAD)]),
        (lambda: AsyncClosable(), [("open", THREAD), ("aclose", HERE)]),
        (lambda: Entered(), [("open", THREAD), ("enter", THREAD), ("exit", THREAD)]),
        (lambda: AsyncEntered(), [("open", THREAD), ("aenter", HERE), ("aexit", HERE), ("close", THREAD)]),
        (generator, [("open", THREAD), ("after", THREAD)]),
        (contextlib.contextmanager(generator), [("open", THREAD), ("after", THREAD)]),
        (async_generator, [("open", HERE), ("after", HERE)]),
        (contextlib.asynccontextmanager(async_generator), [("open", HERE), ("after", HERE)]),
        (coroutine, [("open", HERE), ("close", HERE)]),
        (coroutine_of_a_context_manager, [("open", HERE), ("enter", HERE), ("exit", HERE)]),
        (lambda: coroutine(), [("open", HERE), ("close", THREAD)]),
    ],
)
async def test_every_form_is_opened_and_closed_in_its_place(
    factory: Callable[[], Any], log: list[tuple[str, bool]]
) -> None:
    async with opened(factory, {}) as thing:
        closing = [entry for entry in log if entry[0] in ("close", "aclose", "exit", "aexit", "after")]
        assert thing.log == [entry for entry in log if entry not in closing]
    assert thing.log == log


async def test_a_context_manager_that_does_not_close_is_closed_too() -> None:
    async with opened(lambda: sqlite3.connect(":memory:", check_same_thread=False), {}) as connection:
        connection.execute("select 1")
    with pytest.raises(sqlite3.ProgrammingError):
        connection.execute("select 1")


@pytest.mark.parametrize("factory", [generator, async_generator, lambda: Entered()])
async def test_what_goes_wrong_while_it_is_open_reaches_the_caller(factory: Callable[[], Any]) -> None:
    with pytest.raises(OSError, match="lost"):
        async with opened(factory, {}):
            raise OSError("lost")


async def test_a_factory_gets_its_values_by_name() -> None:
    def factory(url: str, *, size: int = 1) -> str:
        return f"{url} {size}"

    async with opened(factory, {"url": "db:"}) as value:
        assert value == "db: 1"


async def test_project_functions_are_called_off_the_loop_unless_they_are_coroutines() -> None:
    def where() -> bool:
        return threading.current_thread() is threading.main_thread()

    async def where_async() -> bool:
        return where()

    assert await invoke(where) == THREAD
    assert await invoke(where_async) == HERE

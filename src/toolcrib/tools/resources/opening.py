"""Opening and closing in all the forms a factory may have: `def`, `async def`, generators and context managers."""

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

Invoke = Callable[..., Any]


@asynccontextmanager
async def opened(factory: Callable[..., Any], values: Mapping[str, Any]) -> AsyncIterator[Any]:
    """What the factory opens, as long as the block lasts.

    What a `def` opens is opened and closed in worker threads, since both may block; all else on the event loop.
    """
    async with AsyncExitStack() as stack:
        if inspect.isasyncgenfunction(factory):
            yield await stack.enter_async_context(asynccontextmanager(factory)(**values))
        elif inspect.isgeneratorfunction(factory):
            yield await stack.enter_async_context(_entered(contextlib.contextmanager(factory)(**values), _in_thread))
        elif inspect.iscoroutinefunction(factory):
            yield await _enter(await factory(**values), stack, _here)
        else:
            yield await _enter(await _settled(await _in_thread(factory, **values)), stack, _in_thread)


async def invoke(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function of the project's: a coroutine function here, any other in a worker thread."""
    return await _settled(
        function(*args) if inspect.iscoroutinefunction(function) else await _in_thread(function, *args)
    )


async def _enter(made: Any, stack: AsyncExitStack, call: Invoke) -> Any:
    """Enter what a factory returned, if it can be; on leaving, it is closed too if it has a way to.

    Both, because leaving is not closing for everything: `sqlite3.Connection` only commits
    (https://docs.python.org/3/library/sqlite3.html#how-to-use-the-connection-context-manager).
    """
    stack.push_async_callback(_close, made, call)
    if isinstance(made, AbstractAsyncContextManager):
        return await stack.enter_async_context(made)
    if isinstance(made, AbstractContextManager):
        return await stack.enter_async_context(_entered(made, call))
    return made


async def _close(made: Any, call: Invoke) -> None:
    for name in ("aclose", "close"):
        close = getattr(made, name, None)
        if callable(close):
            await (close() if inspect.iscoroutinefunction(close) else _settled(await call(close)))
            return


@asynccontextmanager
async def _entered(context: AbstractContextManager[Any], call: Invoke) -> AsyncIterator[Any]:
    value = await call(context.__enter__)
    try:
        yield value
    except BaseException as error:  # outer guard: whatever went wrong, the context manager decides what becomes of it
        if not await call(context.__exit__, type(error), error, error.__traceback__):
            raise
    else:
        await call(context.__exit__, None, None, None)


async def _in_thread(function: Callable[..., Any], /, *args: Any, **values: Any) -> Any:
    return await asyncio.to_thread(function, *args, **values)


async def _here(function: Callable[..., Any], /, *args: Any) -> Any:
    return function(*args)


async def _settled(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value

"""The tools of the hostile project that run in the server's own process: in threads, and on its event loop."""

HERE = '''
import asyncio, os, sys, threading, time

from toolcrib import tool

class Odd(BaseException):
    pass

def ill(kind: str) -> BaseException:
    """What is no Exception, and what no future can carry."""
    return {
        "exit": SystemExit(3),
        "interrupt": KeyboardInterrupt("k"),
        "odd": Odd("o"),
        "group": BaseExceptionGroup("g", [Odd("o")]),
        "stop": StopIteration("s"),
    }[kind]

threaded = tool(isolation="thread", timeout_s=0.3, side_effect="read")
inline = tool(timeout_s=0.3, side_effect="read")

@inline
async def here() -> str:
    """On the event loop."""
    return "here"

@threaded
def there() -> str:
    """In a thread."""
    return "there"

@threaded
def lingers(path: str, seconds: float) -> str:
    """Take effect after the time limit."""
    time.sleep(seconds)
    with open(path, "w") as late:
        late.write("late")
    return "late"

@threaded
def thread_raises(kind: str) -> None:
    """Raise it in a thread."""
    raise ill(kind)

@threaded
def thread_exits() -> None:
    """Say goodbye."""
    sys.exit("goodbye")

@threaded
def thread_leaks() -> int:
    """Leave threads behind."""
    for _ in range(20):
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    return threading.active_count()

@threaded
def thread_returns(megabytes: int) -> str:
    """A large result."""
    return "x" * (megabytes * 1024 * 1024)

@threaded
def thread_shuts_loop() -> str:
    """A thread has no loop of the server's to close; its own is its own."""
    asyncio.new_event_loop().close()
    asyncio.get_running_loop().close()
    return "closed"

@inline
async def inline_raises(kind: str) -> None:
    """Raise it on the event loop."""
    raise ill(kind)

@inline
async def inline_hangs() -> None:
    """Never end."""
    await asyncio.Event().wait()

@inline
async def inline_resists() -> str:
    """Go on when cancelled."""
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await asyncio.sleep(0.1)
    return "resisted"

@inline
async def inline_shuts_loop() -> str:
    """Close the event loop."""
    asyncio.get_running_loop().close()
    return "closed"

@inline
async def inline_ends(how: str) -> str:
    """Take the server along."""
    if how == "stop":
        asyncio.get_running_loop().stop()
    elif how == "cancel":
        for task in asyncio.all_tasks():
            task.cancel()
    else:
        os._exit(3)
    await asyncio.sleep(10)
    return "gone on"

@threaded
def thread_ends(how: str) -> None:
    """Take the server along."""
    os._exit(3)
'''

"""A project whose tools, each in a worker process, do their worst to it; and one beside them that works."""

from pathlib import Path

from tests.integration.hostile.here import HERE

SETTINGS = "processes: {workers: 2, memory_mb: 512, result_mb: 8}\n"

WORKS = '''
import os, socket

from toolcrib import tool

defaults = {"isolation": "process", "side_effect": "read"}

@tool(**defaults)
def pid() -> int:
    """The id of the worker."""
    return os.getpid()

@tool(**defaults)
def meets(place: str) -> str:
    """Say who this is, then wait to be let go."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(place)
        line.sendall(f"{os.getpid()}\\n".encode())
        return line.recv(100).decode()
'''

CHAINED = '''
import os
from langchain_core.tools import StructuredTool, tool
from pydantic import BaseModel

class Order(BaseModel):
    id: int
    lines: list[str] = []

@tool
def chained(order: Order) -> dict:
    """A LangChain tool."""
    return {"pid": os.getpid(), "order": order, "lines": tuple(order.lines)}

@tool
async def chained_async(a: int) -> int:
    """A LangChain coroutine tool."""
    return a + 1
'''

TOOLS_YAML = "tools: {chained: {isolation: process}, chained_async: {isolation: process}}\n"

HANGS = '''
import os, re, signal, subprocess, sys, time

from toolcrib import tool

def tell(path: str) -> None:
    with open(path + ".pids", "a") as told:
        told.write(f"{os.getpid()} ")
    print(os.getpid(), flush=True)

def linger(path: str) -> None:
    """Tell of this process, wait beyond the time limit, then do what must not be done any more."""
    tell(path)
    time.sleep(1.5)
    with open(path, "w") as late:
        late.write("late")

def ignore() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)

hangs = tool(isolation="process", timeout_s=0.5)

@hangs
def sleeps(path: str) -> None:
    """Sleep."""
    linger(path)

@hangs
def spins(path: str) -> None:
    """Spin."""
    tell(path)
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        pass
    linger(path)

@hangs
def matches(path: str) -> None:
    """Hold the GIL in a regular expression that never ends."""
    tell(path)
    re.match(r"(a+)+$", "a" * 64 + "b")
    linger(path)

@hangs
def ignores(path: str) -> None:
    """Ignore every signal that can be ignored."""
    ignore()
    linger(path)

@hangs
def catches(path: str) -> None:
    """Catch everything that can be caught."""
    while True:
        try:
            linger(path)
        except BaseException:
            pass

@hangs
async def blocks(path: str) -> None:
    """Block the event loop."""
    linger(path)

@hangs
def forks(path: str) -> None:
    """Children and their children, in this group."""
    for _ in range(2):
        if os.fork() == 0:
            os.fork()
            ignore()
            linger(path)
            os._exit(0)
    linger(path)

@hangs
def starts(path: str) -> None:
    """A program."""
    code = f"import sys; sys.path[:] = {sys.path!r}; import time; time.sleep(1.5); open({path!r}, 'w')"
    child = subprocess.Popen([sys.executable, "-c", code])
    with open(path + ".pids", "a") as told:
        told.write(f"{child.pid} ")
    linger(path)

@hangs
def flees(path: str) -> None:
    """Children in sessions of their own."""
    for _ in range(2):
        if os.fork() == 0:
            os.setsid()
            linger(path)
            os._exit(0)
    linger(path)

@hangs
def daemonizes(path: str) -> None:
    """A grandchild in a session of its own, whose parent is gone: a daemon."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            linger(path)
        os._exit(0)
    os.wait()
    linger(path)

@hangs
def threads(path: str) -> None:
    """Threads that go on."""
    import threading
    for _ in range(8):
        threading.Thread(target=linger, args=(path,)).start()
    linger(path)
'''

ENDS = '''
import ctypes, os, signal, sys, threading, asyncio

from toolcrib import tool

ends = tool(isolation="process", timeout_s=30)

@ends
def segfaults() -> None:
    """Read from nowhere."""
    ctypes.string_at(0)

@ends
def aborts() -> None:
    """Abort."""
    os.abort()

@ends
def leaves(code: int) -> None:
    """End the process."""
    os._exit(code)

@ends
def signals(number: int) -> None:
    """A signal to oneself."""
    os.kill(os.getpid(), number)
    signal.pause()

@ends
def kills_group() -> None:
    """A signal to all around."""
    os.killpg(0, signal.SIGKILL)

@ends
def eats() -> int:
    """More memory than there is for it."""
    eaten = []
    while True:
        eaten.append(bytearray(64 * 1024 * 1024))

@ends
def recurses() -> int:
    """No end of calls in C."""
    class Endless:
        def __getattr__(self, name):
            return getattr(self, name)
    sys.setrecursionlimit(10**9)
    return Endless().end

@ends
def closes_all() -> str:
    """Close every descriptor."""
    os.closerange(0, 4096)
    return "closed"

@ends
def closes_streams() -> str:
    """Close what everybody has."""
    sys.stdout.close()
    sys.stderr.close()
    os.closerange(0, 3)
    return "closed"

@ends
def mistakes_the_line(path: str) -> str:
    """Close every descriptor and open files in their place."""
    os.closerange(0, 4096)
    for _ in range(100):
        os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    return "closed"

@ends
def babbles() -> str:
    """Write into everything that is open."""
    for descriptor in range(3, 100):
        try:
            os.write(descriptor, b"\\xff" * 64)
        except OSError:
            pass
    return "written"

@ends
def raises(kind: str) -> None:
    """Raise what is no Exception."""
    class Odd(BaseException):
        pass
    raise {"exit": SystemExit(3), "interrupt": KeyboardInterrupt(), "generator": GeneratorExit(), "odd": Odd("o")}[kind]

@ends
def exits() -> None:
    """Say goodbye."""
    sys.exit("goodbye")

@ends
def floods() -> str:
    """Print 100 MB."""
    line = "x" * 1023 + "\\n"
    for _ in range(100 * 1024):
        sys.stdout.write(line)
    return "done"

@ends
def returns(megabytes: int) -> str:
    """A large result."""
    return "x" * (megabytes * 1024 * 1024)

@ends
def forks_and_returns(number: int) -> list[int]:
    """Two processes return from one call."""
    pid = os.getpid()
    os.fork()
    return [number, pid]

@ends
async def closes_loop() -> str:
    """Stop the event loop."""
    asyncio.get_running_loop().stop()
    await asyncio.sleep(10)
    return "stopped"

@ends
async def shuts_loop() -> str:
    """Close the event loop."""
    asyncio.get_running_loop().close()
    return "closed"

@ends
async def cancels_all() -> str:
    """Cancel whatever the event loop does."""
    for task in asyncio.all_tasks():
        task.cancel()
    await asyncio.sleep(10)
    return "cancelled"

@ends
def leaks() -> int:
    """Leave threads behind."""
    stay = threading.Event()
    threading.stack_size(256 * 1024)
    for _ in range(100):
        threading.Thread(target=stay.wait, daemon=False).start()
    return os.getpid()

@ends
def meddles() -> str:
    """Change what all tools share."""
    import builtins
    builtins.len = None
    os.environ.clear()
    sys.path.clear()
    sys.modules.pop("orjson")
    os.chdir("/")
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    return "meddled"
'''


def write_hostile_project(root: Path, settings: str = SETTINGS) -> Path:
    """The project under `root`, which it gives back."""
    (root / "tools").mkdir(parents=True)
    (root / "toolcrib.yaml").write_text(settings)
    (root / "tools.yaml").write_text(TOOLS_YAML)
    for name, text in {"works": WORKS, "chained": CHAINED, "hangs": HANGS, "ends": ENDS, "here": HERE}.items():
        (root / "tools" / f"{name}.py").write_text(text)
    return root

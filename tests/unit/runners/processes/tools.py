"""Tools for worker processes without a project: what the fork server loads, and the tests name."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

from toolcrib.core.calls import ToolContext
from toolcrib.core.errors import ToolError
from toolcrib.core.tools import Tool
from toolcrib.testing import make_tool

LOAD = f"{__name__}:load"


class BusyError(ConnectionError): ...


def echo(value: Any = None) -> Any:
    return value


def whoami() -> dict[str, int]:
    return {"pid": os.getpid(), "parent": os.getppid(), "session": os.getsid(0), "group": os.getpgid(0)}


def told(context: ToolContext) -> ToolContext:
    return context


def raises(kind: str) -> None:
    raise {
        "value": ValueError("v"),
        "busy": BusyError("b"),
        "tool": ToolError("t", hint="h", retryable=True, retry_after_s=2.0),
        "exit": SystemExit(3),
        "interrupt": KeyboardInterrupt("k"),
    }[kind]


def hands_over() -> Any:
    """What LangGraph's own `Command` is told by; LangGraph itself would only make these workers slow to start."""
    return type("Command", (), {"__module__": "langgraph.types"})()


def quotes(card: str, before: int) -> None:
    try:
        raise KeyError(card)
    except KeyError as error:
        raise BusyError("x" * before + card) from error


def says(text: str, *, times: int = 1, error: bool = False) -> None:
    for _ in range(times):
        (sys.stderr if error else sys.stdout).write(text)


def hangs(path: str = "") -> None:
    if path:
        with open(path, "w", encoding="ascii") as told_pid:
            told_pid.write(str(os.getpid()))
    while True:
        signal.pause()


def cuts_the_line(path: str) -> None:
    with open(path, "w", encoding="ascii") as told_pid:
        told_pid.write(str(os.getpid()))
    os.closerange(3, 4096)
    signal.pause()


def ends(code: int) -> None:
    if code < 0:
        os.kill(os.getpid(), -code)
        signal.pause()
    os._exit(code)


async def later(value: int) -> int:
    await asyncio.sleep(0)
    return value


TOOLS: tuple[Callable[..., Any], ...] = (
    echo,
    whoami,
    told,
    raises,
    hands_over,
    quotes,
    says,
    hangs,
    cuts_the_line,
    ends,
    later,
)


def load(payload: bytes) -> Mapping[str, Tool]:
    """The tools; a payload of `break` is a release that cannot be loaded, `die` one that ends its process."""
    if payload == b"break":
        raise RuntimeError("broken release")
    if payload == b"die":
        os._exit(9)
    return {function.__name__: make_tool(function) for function in TOOLS}

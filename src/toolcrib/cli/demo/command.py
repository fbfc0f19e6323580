"""The command: a place, a server, the scenes, and an end that leaves nothing behind."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolcrib.core.errors import ToolcribError
from toolcrib.core.wire.signals import take_signals

if TYPE_CHECKING:
    from toolcrib.cli.demo.server import Place, Server
    from toolcrib.cli.demo.stage import Stage
    from toolcrib.core.ports import Clock

INTERRUPTED = 130


@dataclass(kw_only=True)
class _Outcome:
    """How far the demo came: whether the story was told to its end."""

    played: bool = False


def demo(
    once: Annotated[bool, typer.Option("--once", help="Play the story, stop the server and exit.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port of the demo's server; 0 takes a free one.")] = 0,
    keep: Annotated[
        Path | None, typer.Option(help="Copy the example into this directory and leave it there.", file_okay=False)
    ] = None,
) -> int:
    """Play six scenes on a real server: edits while it serves, a broken edit, a roll-back. No key, no network.

    Exits with 1 when the server fails or a claim of the story does not hold.
    """
    from toolcrib.cli.demo.server import open_place, start_server
    from toolcrib.cli.demo.stage import open_stage
    from toolcrib.runtime.clock import SystemClock

    stage, clock, outcome = open_stage(), SystemClock(), _Outcome()
    try:
        with _stopped_by_signals(), open_place(keep) as place:
            stage.title(
                "toolcrib demo",
                "Answers come from the offline router: fixed, deterministic rules, not a language model.",
                "For a real one, write e.g. `model: openai:gpt-5-mini` in agents.yaml and set the provider's key.",
            )
            with start_server(place, port=port) as server:
                code = asyncio.run(_story(stage, place, server, clock=clock, once=once, outcome=outcome))
    except KeyboardInterrupt:
        stage.gap()
        stage.line("stopped", "the server has ended" + (f"; the project stays in {keep}" if keep else ""))
        code = 0 if outcome.played and not stage.failed else INTERRUPTED
    return code


async def _story(
    stage: "Stage", place: "Place", server: "Server", *, clock: "Clock", once: bool, outcome: _Outcome
) -> int:
    """Play, and unless `once` stay; gives the exit code."""
    from httpx import HTTPError

    from toolcrib.cli.demo.client import open_client
    from toolcrib.cli.demo.scenes import SCENES, Play

    began = clock.monotonic()
    if not await server.ready(clock):
        return _server_failed(stage, server, "The server did not come up.")
    stage.gap()
    stage.line("serving", f"examples/shop on {server.url}, {clock.monotonic() - began:.2f} s after its start")
    try:
        async with open_client(server.url, clock=clock) as (client, feed):
            play = Play(stage=stage, client=client, feed=feed, project=place.project, clock=clock)
            for scene in SCENES:
                await scene(play)
    except (HTTPError, ToolcribError, ExceptionGroup) as error:
        return _server_failed(stage, server, _cause(error))
    outcome.played = True
    stage.gap()
    if stage.failed:
        stage.line("FAILED", f"{len(stage.failed)} of the checks above did not hold.", style="bold red")
        return 1
    stage.line("done", f"all scenes in {clock.monotonic() - began:.1f} s")
    return 0 if once else await _stay(stage, place, server, clock=clock)


async def _stay(stage: "Stage", place: "Place", server: "Server", *, clock: "Clock") -> int:
    """Leave the server up until Ctrl-C."""
    toolcrib = f"toolcrib --url {server.url}"
    stage.gap()
    stage.line("serving", f"{server.url}    API: {server.url}/docs", style="bold")
    stage.line("project", f"{place.project}    edit it and save", style="bold")
    stage.gap()
    stage.line("try", "1. Change the last line of prompts/support.md, save, and ask:")
    stage.command(f'{toolcrib} run support "Where is order A-42?"')
    stage.line("", "2. Break tools/orders.py, save, ask again; then see what became of each change:")
    stage.command(f"{toolcrib} releases")
    stage.line("", "3. Take the last change back, and ask once more:")
    stage.command(f"{toolcrib} rollback")
    stage.gap()
    stage.line("", "Ctrl-C stops the server" + ("." if place.kept else " and removes the project."), style="dim")
    while server.lives():
        await clock.sleep(0.25)
    return _server_failed(stage, server, "The server ended by itself.")


def _cause(error: Exception) -> str:
    """The first error in words; scenes with two runs at once bring theirs in a group."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


def _server_failed(stage: "Stage", server: "Server", why: str) -> int:
    """Say why the demo ends, with what the server said last; gives the exit code."""
    stage.gap()
    stage.line("FAILED", why, style="bold red")
    stage.line("log", server.log_tail() or "(the server said nothing)")
    return 1


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """However it is stopped, the demo cleans up."""
    former = take_signals(signal.default_int_handler)
    try:
        yield
    finally:
        for signum, handler in former.items():
            signal.signal(signum, handler)

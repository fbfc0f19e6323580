"""Serving a project until a signal says stop: its own socket, its own shutdown, lines for people."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI

from toolcrib.core.events import Deployed, Event, RestartNeeded
from toolcrib.core.redaction import Secrets
from toolcrib.core.releases import Acceptable
from toolcrib.core.settings import Settings
from toolcrib.runtime.build import open_project
from toolcrib.runtime.clock import TimeOrderedIds
from toolcrib.runtime.crib import Crib
from toolcrib.runtime.locate import find_project, read_settings
from toolcrib.runtime.signals import run
from toolcrib.server.app import create_app
from toolcrib.server.inflight import InFlight
from toolcrib.server.lines import deployment_lines, restart_lines, welcome_lines
from toolcrib.server.listening import bind, known_hosts, refuse_strangers, url_of
from toolcrib.server.logs import configure_logs
from toolcrib.server.recent import RecentEvents

CLOSE_S = 5
"""Answers get so long to be written when all work is over."""
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """How to serve.

    Attributes:
        project: the directory; the nearest project when None.
        host, port: where to listen; the settings' when None. Port 0 takes any free one.
        watch: deploy every change of the directory.
        insecure_no_auth: allow an address that others can reach.
        accept: what every deployment may do without being asked.
        announce: takes lines for people.
    """

    project: Path | None = None
    host: str | None = None
    port: int | None = None
    watch: bool = False
    insecure_no_auth: bool = False
    accept: tuple[Acceptable, ...] = ()
    announce: Callable[[str], None]


def serve(options: ServeOptions) -> int:
    """Serve until SIGINT or SIGTERM; what is in flight gets `server.drain_s` to end, a second signal ends it at once.

    New work is refused meanwhile. Runs that cannot end in time are stopped before their next step, or cut, and taken up
    by the next process.

    Belongs to the main thread, which alone gets signals.

    Address and port are settled before the project is opened: who cannot serve does not deploy.

    Returns:
        The exit code, 0.

    Raises:
        OpenToAll: the address is not loopback, and that was not allowed.
        CannotListen: the address is none of this machine, or not allowed.
        Conflict: the given port is taken.
        ProjectInvalid: there is no project, or nothing in it can serve.
        Stopped: a signal came before it served.
    """
    secrets = Secrets(os.environ)
    configure_logs(for_people=options.watch, guard=secrets.log_filter)
    root = options.project or find_project(Path.cwd())
    settings = read_settings(root)
    host = options.host or settings.server.host
    if not options.insecure_no_auth:
        refuse_strangers(host)
    with closing(_bound(options, host, settings)) as listener:
        run(_serve(options, root, host, listener, secrets))
    return 0


def _bound(options: ServeOptions, host: str, settings: Settings) -> socket.socket:
    port = settings.server.port if options.port is None else options.port
    return bind(host, port, given=options.port is not None, announce=options.announce)


async def _serve(options: ServeOptions, root: Path, host: str, listener: socket.socket, secrets: Secrets) -> None:
    recent, stop, inflight = RecentEvents(ids=TimeOrderedIds()), asyncio.Event(), InFlight()

    def tell(event: Event) -> None:
        recent.keep(event)
        if isinstance(event, Deployed):
            for line in deployment_lines(event.deployment):
                options.announce(line)
        if isinstance(event, RestartNeeded):
            for line in restart_lines(event.changes):
                options.announce(line)

    # The signals are ours until the project is closed: a second Ctrl-C must not break off the closing.
    with ExitStack() as signals:
        async with open_project(
            root, watch=options.watch, accept=options.accept, listeners=(tell,), secrets=secrets
        ) as crib:
            app = create_app(crib, recent=recent, stop=stop, inflight=inflight, hosts=known_hosts(host))
            server = _Server(
                _uvicorn_config(app),
                stop=stop,
                inflight=inflight,
                options=options,
                drain_s=crib.settings.server.drain_s,
            )
            signals.enter_context(server.stopped_by_signals())
            for line in welcome_lines(crib, url_of(listener), watch=options.watch):
                options.announce(line)
            await _until_stopped(server, listener, crib)


async def _until_stopped(server: "_Server", listener: socket.socket, crib: Crib) -> None:
    """Serve; at the signal go on answering, with 503 to new work, until what is in flight is over."""
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="toolcrib-server")
    stopping = asyncio.create_task(server.stop.wait(), name="toolcrib-stop")
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        await server.drain(crib)
    finally:
        stopping.cancel()
        server.should_exit = True
        await serving


def _uvicorn_config(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=CLOSE_S,
    )


class _Server(uvicorn.Server):
    """Uvicorn, but a signal only ends the streams and the taking of work; it goes on answering while work ends."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        stop: asyncio.Event,
        inflight: InFlight,
        options: ServeOptions,
        drain_s: float,
    ) -> None:
        super().__init__(config)
        self.stop = stop
        self._hurry = asyncio.Event()
        self._inflight = inflight
        self._announce = options.announce
        self._drain_s = drain_s
        self._loop = asyncio.get_running_loop()

    async def drain(self, crib: Crib) -> None:
        """Let what is in flight end; after half of the time stop runs before their next step, then cut what is left."""
        background = self._inflight.own(crib.ending.finish(self._drain_s))
        await self._inflight.settle(self._drain_s / 2, hurry=self._hurry)
        crib.ending.suspend()
        await self._inflight.settle(self._drain_s / 2, hurry=self._hurry)
        why = "a second signal came" if self._hurry.is_set() else f"the server ends, and {self._drain_s:g} s are over"
        for cut in await crib.ending.cut(why):
            self._announce(
                f"cut: run {cut.run_id} of {cut.agent}, thread {cut.thread_id}; it goes on after the restart"
            )
        await self._inflight.drain(0.0)
        await asyncio.gather(background, return_exceptions=True)

    @contextmanager
    def stopped_by_signals(self) -> Iterator[None]:
        """Take the signals: the first begins the end, a second ends all that is in flight."""

        def signalled(signum: int, frame: FrameType | None) -> None:
            self._loop.call_soon_threadsafe(self._asked_to_stop)

        before = {signum: signal.signal(signum, signalled) for signum in STOP_SIGNALS}
        try:
            yield
        finally:
            for signum, handler in before.items():
                signal.signal(signum, handler)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing: `stopped_by_signals` has them, also while the last runs end."""
        yield

    def _asked_to_stop(self) -> None:
        if self.stop.is_set():
            self._hurry.set()
            self.force_exit = True
            return
        self.stop.set()
        if count := len(self._inflight):
            self._announce(f"stopping: {count} in flight may take {self._drain_s:g} s more, Ctrl-C again ends them")

"""The application: routes, guards and problem documents around an open project."""

import asyncio
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from toolcrib.core.ports import Clock, IdFactory
from toolcrib.core.settings import UploadsSettings
from toolcrib.runtime.clock import SystemClock, TimeOrderedIds
from toolcrib.runtime.crib import Crib
from toolcrib.server import problems
from toolcrib.server.guards import LOOPBACK_HOSTS, BodyLimit, KnownHosts, NoNewWork, OuterGuard
from toolcrib.server.inflight import InFlight
from toolcrib.server.recent import RecentEvents
from toolcrib.server.routes import (
    agents,
    artifacts,
    cache,
    channel,
    draining,
    events,
    health,
    ledger,
    metrics,
    releases,
    tasks,
    threads,
    tools,
    uploads,
)
from toolcrib.server.schema.openapi import describe

DESCRIPTION = """\
Tools, agents and releases of one project. Everything can be changed while it serves: a run sees one release from its
first step to its last. Errors are problem documents (RFC 9457) with a `code` and a `hint`.
"""
EXPOSED = ("x-request-id", "location", "content-location")


def create_app(
    crib: Crib,
    *,
    recent: RecentEvents,
    stop: asyncio.Event,
    inflight: InFlight | None = None,
    hosts: frozenset[str] | None = LOOPBACK_HOSTS,
) -> FastAPI:
    """An ASGI application that serves `crib`, on the event loop the project was opened on.

    Args:
        crib: the open project; it stays open.
        recent: the newest events; its `keep` must be a listener of the project.
        stop: set when the server stops: streams end then, and `/readyz` says no.
        inflight: owner of accepted work; whoever stops the server drains it before the project is closed.
        hosts: names this server answers for, IPv6 addresses in brackets; None for all.
    """
    stopping = Middleware(NoNewWork, stop=stop, retry_after_s=crib.settings.server.drain_s)
    app: FastAPI = FastAPIOffline(
        title="toolcrib",
        version=_version(),
        description=DESCRIPTION,
        middleware=_layers(hosts, stopping, uploads=crib.settings.uploads, clock=SystemClock(), ids=TimeOrderedIds()),
        telemetry={"auto_configure": False},  # FastAPI would send traces wherever the environment says
    )
    app.state.crib, app.state.recent, app.state.stop = crib, recent, stop
    app.state.inflight = InFlight() if inflight is None else inflight
    app.state.takes_uploads = hosts is not None or crib.settings.uploads.allow_open
    for room in (
        health,
        tools,
        agents,
        threads,
        tasks,
        artifacts,
        draining,
        releases,
        channel,
        ledger,
        cache,
        events,
        metrics,
        uploads,
    ):
        app.include_router(room.router)
    problems.install(app)
    describe(app)
    return app


def _layers(
    hosts: frozenset[str] | None, stopping: Middleware, *, uploads: UploadsSettings, clock: Clock, ids: IdFactory
) -> list[Middleware]:
    """From the outermost inwards."""
    cors: dict[str, Any] = {"allow_origins": ["*"], "allow_methods": ["*"], "allow_headers": ["*"]}
    known = [] if hosts is None else [Middleware(KnownHosts, hosts=hosts)]
    return [
        Middleware(CORSMiddleware, **cors, expose_headers=list(EXPOSED)),
        Middleware(OuterGuard, clock=clock, ids=ids),
        *known,
        stopping,
        Middleware(BodyLimit, uploads=uploads.max_mb << 20),
    ]


def _version() -> str:
    """Ours, as installed; a source tree on the path has none."""
    try:
        return version("toolcrib")
    except PackageNotFoundError:
        return "0"

"""What the routes share: the open project, accepted work, the newest events, and the signal that the server stops."""

import asyncio
from typing import Annotated

from fastapi import Depends, Request

from toolcrib.runtime.crib import Crib
from toolcrib.server.inflight import InFlight
from toolcrib.server.recent import RecentEvents

WHO = "x-toolcrib-who"
MAX_WHO = 200


async def _crib(request: Request) -> Crib:
    crib: Crib = request.app.state.crib
    return crib


async def _stop(request: Request) -> asyncio.Event:
    stop: asyncio.Event = request.app.state.stop
    return stop


async def _recent(request: Request) -> RecentEvents:
    recent: RecentEvents = request.app.state.recent
    return recent


async def _inflight(request: Request) -> InFlight:
    inflight: InFlight = request.app.state.inflight
    return inflight


async def _who(request: Request) -> str:
    """What the client calls itself, fit for a record; else its address."""
    said = request.headers.get(WHO, "")
    shown = "".join(char for char in said if char.isprintable())[:MAX_WHO].strip()
    return shown or (request.client.host if request.client else "")


OpenCrib = Annotated[Crib, Depends(_crib)]
Stopping = Annotated[asyncio.Event, Depends(_stop)]
Recent = Annotated[RecentEvents, Depends(_recent)]
Accepted = Annotated[InFlight, Depends(_inflight)]
Asker = Annotated[str, Depends(_who)]

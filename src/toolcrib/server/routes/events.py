"""`/v1/events`: everything that happens, live."""

from typing import Annotated

from fastapi import APIRouter, Header

from toolcrib.server.access import Recent, Stopping
from toolcrib.server.schema.openapi import stream
from toolcrib.server.sse import EventStream, event_stream

router = APIRouter(prefix="/v1", tags=["events"])


@router.get("/events", response_class=EventStream, responses=stream("Events."))
async def events(
    recent: Recent, stop: Stopping, last_event_id: Annotated[str, Header(description="Go on after this event.")] = ""
) -> EventStream:
    """Server-sent events: tool calls, runs, deployments, retirements; from now on, or from `Last-Event-ID`.

    The last 1,000 can be replayed; `gap` says that some are lost. Ends with `end` when the server stops.
    """
    return event_stream(recent.after(last_event_id), stop)

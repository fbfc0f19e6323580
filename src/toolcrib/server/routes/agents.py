"""`/v1/agents`: the agents, and running them."""

from collections.abc import AsyncGenerator
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from toolcrib.core.agents import Agent
from toolcrib.core.errors import ToolcribError
from toolcrib.core.results import ErrorInfo
from toolcrib.server.access import Accepted, OpenCrib, Stopping
from toolcrib.server.encoding import encode
from toolcrib.server.schema.agents import AgentDocument, RunRequestBody
from toolcrib.server.schema.documents import RunResultDocument
from toolcrib.server.schema.openapi import failures, stream
from toolcrib.server.sse import MEDIA_TYPE, Frame, event_stream

router = APIRouter(prefix="/v1/agents", tags=["agents"])
UNKNOWN = "No such agent; near names are in the hint."
BUSY = "The thread is busy, waits for a human, or has nothing to resume."
MISFIT = "The request does not fit; each field is named."


@router.get("", response_model=list[AgentDocument])
async def list_agents(crib: OpenCrib, tenant: str = "") -> Any:
    """The agents of the current release, as a tenant sees them."""
    return crib.secrets.clean([_document(agent) for _, agent in sorted(crib.release.agents_of(tenant).items())])


@router.get("/{name}", response_model=AgentDocument, responses=failures({404: UNKNOWN}))
async def show_agent(name: str, crib: OpenCrib, tenant: str = "") -> Any:
    """One agent of the current release, as a tenant sees it."""
    return crib.secrets.clean(_document(crib.release.agent(name, tenant=tenant)))


@router.post(
    "/{name}/runs",
    response_model=RunResultDocument,
    responses=failures({404: UNKNOWN, 409: BUSY, 422: MISFIT}) | stream("The result, or the run's events."),
)
async def run_agent(
    *, name: str, body: RunRequestBody, crib: OpenCrib, accepted: Accepted, stop: Stopping, request: Request
) -> Any:
    """Run an agent: wait for its result, or see it work as events (`stream`, or `accept: text/event-stream`).

    The run goes on to its end even if the client leaves. A run that failed is a result: 200, `success` false.
    """
    if body.stream or MEDIA_TYPE in request.headers.get("accept", ""):
        events = accepted.pump(crib.stream(name, **body.asked, modes=body.modes))
        return event_stream(_frames(await anext(events, None), events), stop)
    result = await accepted.finish(crib.run(name, **body.asked))
    return Response(encode(result.to_dict()), media_type="application/json")


async def _frames(first: Any, rest: AsyncGenerator[Any, None]) -> AsyncGenerator[Frame, None]:
    """The run's events, numbered; an error behind the first of them is an `error` event, no problem document."""
    number = 0
    try:
        event = first
        while event is not None:
            number += 1
            yield Frame(event=event.event, data=event.data, id=str(number))
            event = await anext(rest, None)
    except ToolcribError as error:
        yield Frame(event="error", data=asdict(ErrorInfo.of(error)))
    finally:
        await rest.aclose()


def _document(agent: Agent) -> dict[str, Any]:
    """An agent as JSON: its spec, and what it came to in its release."""
    spec = agent.spec.model_dump(mode="json")
    return {"name": agent.name, **spec, "tools": list(agent.tools), "prompt": agent.prompt, "release": agent.release}

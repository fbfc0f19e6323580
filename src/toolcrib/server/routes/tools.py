"""`/v1/tools`: what may be called, and calling it."""

from typing import Annotated, Any

from fastapi import APIRouter, Header
from fastapi.responses import Response

from toolcrib.core.errors import ArgumentsInvalid, ToolNotFound
from toolcrib.core.results import ToolResult
from toolcrib.server.access import OpenCrib
from toolcrib.server.encoding import encode
from toolcrib.server.schema.documents import ToolCallRequest, ToolDocument, ToolResultDocument
from toolcrib.server.schema.openapi import failures

router = APIRouter(prefix="/v1/tools", tags=["tools"])
UNKNOWN = "No such tool; near names are in the hint."
MISFIT = "The request or the arguments do not fit; each mistake is named."


@router.get("", response_model=list[ToolDocument])
async def list_tools(crib: OpenCrib) -> Any:
    """The tools of the current release: name, description, schemas, policy, where each is defined."""
    return _json([tool.spec.to_dict() for _, tool in sorted(crib.release.tools.items())])


@router.get("/{name}", response_model=ToolDocument, responses=failures({404: UNKNOWN}))
async def show_tool(name: str, crib: OpenCrib, agent: str = "", tenant: str = "") -> Any:
    """One tool of the current release, under the policy it has for calls of this agent and this tenant."""
    return _json(crib.release.tool(name, agent=agent, tenant=tenant).spec.to_dict())


@router.post("/{name}/calls", response_model=ToolResultDocument, responses=failures({404: UNKNOWN, 422: MISFIT}))
async def call_tool(
    name: str, body: ToolCallRequest, crib: OpenCrib, idempotency_key: Annotated[str, Header(max_length=255)] = ""
) -> Any:
    """Call a tool. A call that failed in the tool is a result like any other: 200, `ok` false, `error` says why.

    With the header `Idempotency-Key` the same call, sent again, runs once; its result has `journaled` set.
    """
    result = await crib.call(
        name, body.args, tenant=body.tenant, timeout_s=body.timeout_s, idempotency_key=idempotency_key
    )
    _raise_if_refused(result)
    return _json(result.to_dict())


def _raise_if_refused(result: ToolResult) -> None:
    """A call that never reached the tool is the caller's mistake, not a result."""
    error = result.error
    if error is None or result.attempts:
        return
    if error.code == ToolNotFound.code:
        raise ToolNotFound(error.message, hint=error.hint)
    if error.code == ArgumentsInvalid.code:
        raise ArgumentsInvalid(error.message, hint=error.hint)


def _json(document: Any) -> Response:
    """Our own documents have their shape already: no second validation on the way out."""
    return Response(encode(document), media_type="application/json")

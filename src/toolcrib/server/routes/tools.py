"""`/v1/tools`: what may be called, and calling it."""

from collections.abc import Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response

from toolcrib.core.errors import ArgumentsInvalid, CallFailed, CircuitOpen, QueueFull, RateLimited, ToolNotFound
from toolcrib.core.results import ToolResult
from toolcrib.core.stores.history import KEPT
from toolcrib.server.access import Accepted, OpenCrib
from toolcrib.server.encoding import encode
from toolcrib.server.schema.documents import Name, ToolCallRequest, ToolDocument, ToolResultDocument
from toolcrib.server.schema.experiments import Caller
from toolcrib.server.schema.history import ToolErrorsDocument
from toolcrib.server.schema.openapi import failures

router = APIRouter(prefix="/v1/tools", tags=["tools"])
LATER: Mapping[str, type[CallFailed]] = MappingProxyType(
    {refusal.code: refusal for refusal in (QueueFull, RateLimited, CircuitOpen)}
)
"""Refusals that are over after a while: their answer has the header `Retry-After`."""
UNKNOWN = "No such tool; near names are in the hint."
ABOVE = "More calls than the tool's rate allows; the header `Retry-After` says in how many seconds to come again."
FULL = "Too many calls run and wait, or the tool rests after failures; `Retry-After` says when to come again."
MISFIT = "The request or the arguments do not fit; each mistake is named."


@router.get("", response_model=list[ToolDocument])
async def list_tools(crib: OpenCrib, tenant: str = "") -> Any:
    """The tools of the current release, as a tenant sees them: name, description, schemas, policy, where defined."""
    return _json([tool.spec.to_dict() for _, tool in sorted(crib.release.tools_of(tenant).items())])


@router.get(
    "/{name}",
    response_model=ToolDocument,
    responses=failures({404: "No such tool, or agent; near names are in the hint."}),
)
async def show_tool(name: str, crib: OpenCrib, caller: Annotated[Caller, Query()]) -> Any:
    """One tool of the current release, as calls of these find it, and where all of it comes from.

    `replaces` are the places of the tools that it stands in for, `sources` those of the values of its policy,
    `overruled` what weaker places say of them; `experiments` are those that change it, with the caller's variant.
    """
    who = caller.model_dump()
    spec = crib.tool_spec(name, **who).to_dict()
    found = crib.experiments.explain(name, **who)
    return _json(spec | ({"experiments": found} if found else {}))


@router.get("/{name}/errors", response_model=ToolErrorsDocument, responses=failures({404: UNKNOWN, 422: MISFIT}))
async def tool_errors(
    name: str, crib: OpenCrib, tenant: Name | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = KEPT
) -> Any:
    """The last errors of a tool's calls, the newest first, and for which tenants it fails too often now.

    Of one tenant, or of all. The errors are kept over restarts; a tool that is gone still has its own.
    """
    errors = await crib.errors(name, tenant=tenant, limit=limit)
    escalated = crib.escalations(name, tenant=tenant)
    return _json({"escalated": [asdict(one) for one in escalated], "errors": [one.to_dict() for one in errors]})


@router.post(
    "/{name}/calls",
    response_model=ToolResultDocument,
    responses=failures({404: UNKNOWN, 422: MISFIT, 429: ABOVE, 503: FULL}),
)
async def call_tool(
    name: str,
    crib: OpenCrib,
    accepted: Accepted,
    body: ToolCallRequest | None = None,
    idempotency_key: Annotated[str, Header(max_length=255)] = "",
) -> Any:
    """Call a tool; without a body, without arguments.

    A call that failed in the tool is a result like any other: 200, `ok` false, `error` says why.

    With the header `Idempotency-Key` the same call, sent again, runs once; its result has `journaled` set.
    """
    body = body or ToolCallRequest()
    call = crib.call(
        name, body.args, tenant=body.tenant, user=body.user, timeout_s=body.timeout_s, idempotency_key=idempotency_key
    )
    result = await accepted.finish(call)
    _raise_if_refused(result)
    return _json(result.to_dict())


def _raise_if_refused(result: ToolResult) -> None:
    """A call that never reached the tool, by the caller's mistake or since it must come later, is no result.

    One that waits for a person is: it names the task.
    """
    error = result.error
    if error is None or result.attempts or error.task:
        return
    match error.code:
        case ToolNotFound.code:
            raise ToolNotFound(error.message, hint=error.hint)
        case ArgumentsInvalid.code:
            raise ArgumentsInvalid(error.message, hint=error.hint)
        case _ if refusal := LATER.get(error.code):
            later = refusal(error.message, hint=error.hint)
            later.retry_after_s = error.retry_after_s
            raise later
        case _:
            return


def _json(document: Any) -> Response:
    """Our own documents have their shape already: no second validation on the way out."""
    return Response(encode(document), media_type="application/json")

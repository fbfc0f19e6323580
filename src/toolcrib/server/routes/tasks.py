"""`/v1/tasks`: tools called in the background, looked at and cancelled while they run."""

from types import MappingProxyType
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from toolcrib.core.calls import ToolCall
from toolcrib.core.tasks import TaskState
from toolcrib.server.access import Accepted, OpenCrib
from toolcrib.server.encoding import encode
from toolcrib.server.schema.documents import Name
from toolcrib.server.schema.openapi import failures
from toolcrib.server.schema.tasks import (
    BatchDocument,
    BatchRequest,
    ResolveRequest,
    TaskDocument,
    TaskEntry,
    TaskRequest,
)

router = APIRouter(prefix="/v1/tasks", tags=["tasks"])
UNKNOWN = "No such task; its time may be over."
REFUSED = MappingProxyType(
    {
        404: "No such tool; near names are in the hint.",
        409: "The key was used for another call.",
        422: "The request or the arguments do not fit; each mistake is named.",
        503: "Too many tasks wait, or nothing serves yet.",
    }
)


@router.post("", status_code=202, response_model=TaskDocument, responses=failures(REFUSED))
async def submit_task(body: TaskRequest, crib: OpenCrib, accepted: Accepted) -> Response:
    """Let a tool be called in the background. The task is kept over a restart; `location` is where to look at it."""
    task = await accepted.finish(crib.submit(**body.model_dump()))
    return _json((await crib.tasks.status(task)).to_dict(), 202, {"location": f"/v1/tasks/{task}"})


@router.post("/batch", status_code=202, response_model=BatchDocument, responses=failures(REFUSED))
async def submit_batch(body: BatchRequest, crib: OpenCrib, accepted: Accepted) -> Response:
    """Let many tools be called in the background: all are kept, or none."""
    calls = [ToolCall(name=call.tool, args=call.args) for call in body.calls]
    batch = await accepted.finish(crib.submit_batch(calls, **body.model_dump(exclude={"calls"})))
    return _json({"batch": batch.id, "tasks": list(batch.tasks)}, 202, {"location": f"/v1/tasks?batch={batch.id}"})


@router.get("", response_model=list[TaskEntry])
async def list_tasks(
    crib: OpenCrib,
    state: TaskState | None = None,
    tenant: Name | None = None,
    batch: Name = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """The newest tasks, without arguments and results."""
    found = await crib.tasks.list(state=state, tenant=tenant, batch=batch, limit=limit)
    return _json([record.summary() for record in found])


@router.get("/{task}", response_model=TaskDocument, responses=failures({404: UNKNOWN}))
async def show_task(task: str, crib: OpenCrib) -> Response:
    """One task: how far it is, and its result when it has ended. A tool that failed is a result too."""
    return _json((await crib.tasks.status(task)).to_dict())


@router.post(
    "/{task}/cancel", response_model=TaskDocument, responses=failures({404: UNKNOWN, 409: "It has ended otherwise."})
)
async def cancel_task(task: str, crib: OpenCrib, accepted: Accepted) -> Response:
    """Cancel a task: one that waits never begins, in one that runs the call is cancelled.

    It is still `running`, with `cancel_asked`, when its tool resists or another process runs it.
    """
    return _json((await accepted.finish(crib.tasks.cancel(task))).to_dict())


@router.post(
    "/{task}/resolve",
    response_model=TaskDocument,
    responses=failures({404: UNKNOWN, 409: "It does not wait for a person.", 422: "The request does not fit."}),
)
async def resolve_task(task: str, body: ResolveRequest, crib: OpenCrib, accepted: Accepted) -> Response:
    """Decide about a task that is `waiting`, because its tool failed with an error that asks for a person.

    A call with an idempotency key that comes again gets what was decided. `retry` uses the release that serves then.
    """
    resolved = await accepted.finish(crib.tasks.resolve(task, body.decision, value=body.value))
    return _json(resolved.to_dict())


def _json(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Our own documents have their shape already: no second validation on the way out."""
    return Response(encode(document), status_code=status, media_type="application/json", headers=headers)

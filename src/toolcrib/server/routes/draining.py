"""`/v1/releases/users`, `…/drain`, `…/gc`, `/v1/runs/{run}/resume`: taking releases out of use, and going on after."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from toolcrib.server.access import Accepted, OpenCrib
from toolcrib.server.encoding import encode
from toolcrib.server.schema.documents import RunResultDocument
from toolcrib.server.schema.draining import CollectDocument, CollectRequest, DrainDocument, DrainRequest, UseDocument
from toolcrib.server.schema.openapi import failures

router = APIRouter(prefix="/v1", tags=["releases"])


@router.get("/releases/users", response_model=list[UseDocument])
async def users(crib: OpenCrib) -> list[dict[str, Any]]:
    """Who uses which release: each that is in memory, serves, or has threads that are under way or wait."""
    return [use.to_dict() for use in await crib.users()]


@router.post("/releases/gc", response_model=CollectDocument)
async def collect(crib: OpenCrib, accepted: Accepted, body: CollectRequest | None = None) -> dict[str, Any]:
    """Remove the files of old releases that nothing needs. Without `dry_run: false` nothing is changed."""
    asked = (body or CollectRequest()).model_dump()
    return (await accepted.finish(crib.collect_releases(**asked))).to_dict()


@router.post(
    "/releases/{release}/drain",
    response_model=DrainDocument,
    responses=failures({404: "No such release.", 409: "It serves, or is in use: by whom is in `detail`."}),
)
async def drain(release: str, crib: OpenCrib, accepted: Accepted, body: DrainRequest | None = None) -> dict[str, Any]:
    """Take a release that no longer serves out of memory."""
    asked = (body or DrainRequest()).model_dump()
    return (await accepted.finish(crib.drain(release, **asked, actor="http"))).to_dict()


@router.post(
    "/runs/{run}/resume",
    response_model=RunResultDocument,
    responses=failures({404: "No such run.", 409: "It is not stopped, or its release is not to be had."}),
)
async def resume(run: str, crib: OpenCrib, accepted: Accepted) -> Response:
    """Let a run that was stopped (`drained`, `suspended`) go on to its end, on its own release."""
    result = await accepted.finish(crib.resume_run(run))
    return Response(encode(result.to_dict()), media_type="application/json")

"""`POST /v1/releases`: a project sent as an archive."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from toolcrib.core.releases import Revision
from toolcrib.server.access import Accepted, Asker, OpenCrib
from toolcrib.server.problems import ProblemResponse, problem
from toolcrib.server.routes.releases import OVERTAKEN, REJECTED, live
from toolcrib.server.schema.documents import DeploymentDocument
from toolcrib.server.schema.openapi import failures
from toolcrib.server.schema.uploads import ARCHIVES, UploadQuery

router = APIRouter(prefix="/v1", tags=["releases"])
CLOSED = "This server is open to others and asks nobody who they are."
TOO_LARGE = "The archive is larger than `uploads` in toolcrib.yaml allows, or unpacks to more."
UNSUPPORTED = "It is neither a tar.gz nor a zip, or not what its content type says."
REFUSED = f"The archive is damaged, or holds what no project may: `reasons` name its entries. Or: {REJECTED}"


@router.post(
    "/releases",
    response_model=DeploymentDocument,
    responses=failures({403: CLOSED, 409: OVERTAKEN, 413: TOO_LARGE, 415: UNSUPPORTED, 422: REFUSED}),
    openapi_extra={"requestBody": {"required": True, "content": dict(ARCHIVES)}},
)
async def upload(
    request: Request, query: Annotated[UploadQuery, Query()], crib: OpenCrib, accepted: Accepted, who: Asker
) -> dict[str, Any] | ProblemResponse:
    """Deploy the project in an archive (tar.gz or zip): for all, for a part as a canary, or for nobody yet.

    It serves, also over a restart, until the served directory changes or something else is deployed. Nothing of it is
    written beside the store.
    """
    if not request.app.state.takes_uploads:
        return problem(
            request,
            HTTPStatus.FORBIDDEN,
            code="uploads_closed",
            detail=CLOSED,
            hint="Bind it to 127.0.0.1, or put something before it that asks, and set `uploads: {allow_open: true}`.",
        )
    plan = query.model_dump()
    commit, branch, dirty = (plan.pop(name) for name in ("git_commit", "git_branch", "git_dirty"))
    git = Revision(commit=commit, branch=branch, dirty=dirty) if commit or branch else None
    media_type = request.headers.get("content-type", "").partition(";")[0].strip()
    archive = await request.body()
    deploying = crib.upload(archive, media_type=media_type, **plan, git=git, actor="upload", who=who)
    return live(await accepted.finish(deploying))

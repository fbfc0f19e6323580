"""`/v1/canary`, `/v1/promote`, `/v1/holds`: who sees which release."""

from typing import Any

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError

from toolcrib.server.access import Accepted, Asker, OpenCrib
from toolcrib.server.schema.channel import CanaryDocument, ChangeCanaryRequest, HoldRequest, WhyRequest
from toolcrib.server.schema.documents import DeploymentDocument
from toolcrib.server.schema.openapi import failures

router = APIRouter(prefix="/v1", tags=["releases"])
NONE = "There is no canary."
UNKNOWN = "No such release."
OVERTAKEN = "Another deployment came first."
REJECTED = "The request does not fit, or the release can no longer be loaded; the mistakes are named."


@router.get("/canary", response_model=CanaryDocument, responses=failures({404: NONE}))
async def show_canary(crib: OpenCrib) -> dict[str, Any]:
    """How the canary does, by what this server saw of both sides."""
    return (await crib.canary.status()).to_dict()


@router.patch("/canary", response_model=DeploymentDocument, responses=failures({404: NONE, 409: OVERTAKEN}))
async def change_canary(body: ChangeCanaryRequest, crib: OpenCrib, accepted: Accepted, who: Asker) -> dict[str, Any]:
    """Change the part that the canary serves, or how it is judged. Threads that see it go on when the part grows."""
    try:
        changed = await accepted.finish(crib.canary.change(**body.model_dump(), actor="http", who=who))
    except ValueError as error:
        raise RequestValidationError([{"loc": ("body", "percent"), "msg": str(error), "type": "value"}]) from error
    return changed.to_dict()


@router.delete("/canary", response_model=DeploymentDocument, responses=failures({404: NONE, 409: OVERTAKEN}))
async def end_canary(crib: OpenCrib, accepted: Accepted, who: Asker, why: str = "") -> dict[str, Any]:
    """Let the stable release serve all again; the canary's runs end on it."""
    return (await accepted.finish(crib.canary.end(why=why, actor="http", who=who))).to_dict()


@router.post("/promote", response_model=DeploymentDocument, responses=failures({404: NONE, 409: OVERTAKEN}))
async def promote(crib: OpenCrib, accepted: Accepted, who: Asker, body: WhyRequest | None = None) -> dict[str, Any]:
    """Let the canary serve all, from the next run on."""
    return (await accepted.finish(crib.promote(why=body.why if body else "", actor="http", who=who))).to_dict()


@router.post(
    "/holds", response_model=DeploymentDocument, responses=failures({404: UNKNOWN, 409: OVERTAKEN, 422: REJECTED})
)
async def hold(body: HoldRequest, crib: OpenCrib, accepted: Accepted, who: Asker) -> dict[str, Any]:
    """Let one tenant see a stored release whatever else serves, or let go of it."""
    held = await accepted.finish(crib.hold(body.tenant, body.release, why=body.why, actor="http", who=who))
    return held.to_dict()

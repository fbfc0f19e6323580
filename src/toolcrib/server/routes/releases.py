"""`/v1/releases`, `/v1/deployments`, `/v1/rollback`: what serves, and changing it."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from toolcrib.core.errors import DeploymentRejected, ReleaseNotFound
from toolcrib.core.names import did_you_mean
from toolcrib.core.releases import Deployment, worst
from toolcrib.server.access import Accepted, Asker, OpenCrib
from toolcrib.server.schema.channel import DeployRequest
from toolcrib.server.schema.documents import (
    DeploymentDocument,
    DifferenceDocument,
    ReleaseDocument,
    ReleasesDocument,
    RollbackRequest,
)
from toolcrib.server.schema.openapi import failures

router = APIRouter(prefix="/v1", tags=["releases"])
UNKNOWN = "No such release."
OVERTAKEN = "Another deployment came first."
REJECTED = "The gate refused the release; all reasons are in `reasons`."


@router.get("/releases", response_model=ReleasesDocument)
async def list_releases(crib: OpenCrib) -> dict[str, Any]:
    """What serves, what the store has, and the newest deployments."""
    return await crib.overview()


@router.get("/releases/{release}", response_model=ReleaseDocument, responses=failures({404: UNKNOWN}))
async def show_release(release: str, crib: OpenCrib) -> dict[str, Any]:
    """One release of the store, by id, digest or a unique beginning of either, and all that became of it."""
    try:
        return await crib.describe(release)
    except ReleaseNotFound as error:
        known = [stored.manifest.release for stored in await crib.releases()]
        raise ReleaseNotFound(error.message, hint=did_you_mean(release, known)) from error


@router.get("/releases/{older}/diff/{newer}", response_model=DifferenceDocument, responses=failures({404: UNKNOWN}))
async def diff(older: str, newer: str, crib: OpenCrib) -> dict[str, Any]:
    """What differs between two releases, and what that means for the threads of the older one."""
    changes = await crib.diff(older, newer)
    return {"verdict": worst(changes), "changes": [asdict(change) for change in changes]}


@router.post(
    "/releases/{release}/activate",
    response_model=DeploymentDocument,
    responses=failures({404: UNKNOWN, 409: OVERTAKEN, 422: REJECTED}),
)
async def activate(release: str, crib: OpenCrib, accepted: Accepted, who: Asker) -> dict[str, Any]:
    """Serve a release of the store again, from the next run on."""
    return live(await accepted.finish(crib.activate(release, actor="http", who=who)))


@router.post(
    "/rollback", response_model=DeploymentDocument, responses=failures({404: UNKNOWN, 409: OVERTAKEN, 422: REJECTED})
)
async def rollback(
    crib: OpenCrib, accepted: Accepted, who: Asker, body: RollbackRequest | None = None
) -> dict[str, Any]:
    """Serve the release that is named; without one end the canary, or go one release further back each time."""
    given = body or RollbackRequest()
    return live(await accepted.finish(crib.rollback(given.release, why=given.why, actor="http", who=who)))


@router.post("/deployments", response_model=DeploymentDocument, responses=failures({409: OVERTAKEN, 422: REJECTED}))
async def deploy(crib: OpenCrib, accepted: Accepted, who: Asker, body: DeployRequest | None = None) -> dict[str, Any]:
    """Deploy the served project's directory as it is now: for all, for a part as a canary, or for nobody yet."""
    plan = (body or DeployRequest()).model_dump()
    return live(await accepted.finish(crib.deploy(**plan, actor="http", who=who)))


def live(deployment: Deployment) -> dict[str, Any]:
    """The document of a deployment.

    Raises:
        DeploymentRejected: it was.
    """
    if deployment.state == "rejected":
        raise DeploymentRejected(
            f"The tree {deployment.release} was rejected; {deployment.previous or 'nothing'} goes on serving.",
            hint="Mend every place in `reasons`.",
            reasons=deployment.reasons,
        )
    return deployment.to_dict()

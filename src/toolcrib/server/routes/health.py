"""`/ok`, `/livez`, `/readyz`."""

from fastapi import APIRouter, Response

from toolcrib.server.access import Accepted, OpenCrib, Stopping
from toolcrib.server.schema.documents import Check, ColdChangeDocument, Okay, Readiness

router = APIRouter(tags=["health"])


@router.get("/ok")
async def ok() -> Okay:
    """Whether the process answers at all; as LangGraph's server has it."""
    return Okay()


@router.get("/livez")
async def livez() -> Okay:
    """Whether the process should be left alive."""
    return Okay()


@router.get("/readyz", responses={503: {"model": Readiness, "description": "Nothing serves, or the server stops."}})
async def readyz(crib: OpenCrib, stop: Stopping, accepted: Accepted, response: Response) -> Readiness:
    """Whether requests should be sent here, check by check. A newer tree that does not serve does not matter."""
    serving, stopping, problem = crib.generation > 0, stop.is_set(), crib.problem
    release = f"{crib.release.id}, generation {crib.generation}" if serving else "nothing serves yet"
    checks = {
        "release": Check(ok=serving, detail=release),
        "accepting": Check(ok=not stopping, detail="the server stops" if stopping else f"{len(accepted)} in flight"),
        "newest_tree": Check(ok=problem is None, detail=problem.message if problem else "it serves"),
    }
    ready = serving and not stopping
    response.status_code = 200 if ready else 503
    cold = [ColdChangeDocument(**change.to_dict()) for change in crib.restart_needed]
    return Readiness(ok=ready, checks=checks, restart_needed=cold)

"""`/v1/threads`: the threads of agents with the release each goes on with, and bringing them to another one."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query

from toolcrib.server.access import Accepted, OpenCrib
from toolcrib.server.schema.documents import RunEntry
from toolcrib.server.schema.openapi import failures
from toolcrib.server.schema.threads import MigrateRequest, MoveDocument, MoveRequest, ThreadQuery

router = APIRouter(prefix="/v1/threads", tags=["threads"])
UNKNOWN = "No such release."


@router.get("", response_model=list[RunEntry], responses=failures({404: UNKNOWN}))
async def list_threads(crib: OpenCrib, wanted: Annotated[ThreadQuery, Query()]) -> list[dict[str, Any]]:
    """The last run of each thread, the newest first; one that waits for a human has the status `interrupted`."""
    return [run.to_dict() for run in await crib.threads.list(**wanted.model_dump())]


@router.post("/move", response_model=list[MoveDocument], responses=failures({404: UNKNOWN}))
async def move_threads(body: MoveRequest, crib: OpenCrib, accepted: Accepted) -> list[dict[str, Any]]:
    """Let threads go on with another release from their next turn on. Without `dry_run: false` nothing is changed."""
    moves = await accepted.finish(crib.threads.move(**body.model_dump()))
    return [asdict(move) for move in moves]


@router.post("/migrate", response_model=list[MoveDocument], responses=failures({404: UNKNOWN}))
async def migrate_threads(body: MigrateRequest, crib: OpenCrib, accepted: Accepted) -> list[dict[str, Any]]:
    """Bring what is saved of threads to a release now, each tried in memory first, and let them go on with it.

    Without `dry_run: false` nothing is changed: the answer says which could be brought there.
    """
    moves = await accepted.finish(crib.threads.migrate(**body.model_dump()))
    return [asdict(move) for move in moves]

"""`/v1/ledger` and `/v1/census`: what runs there were, and who uses which release."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query

from toolcrib.server.access import OpenCrib
from toolcrib.server.schema.documents import LedgerDocument

router = APIRouter(prefix="/v1", tags=["ledger"])


@router.get("/ledger", response_model=LedgerDocument)
async def ledger(crib: OpenCrib, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> dict[str, Any]:
    """Counts over all runs ever accepted, and the newest of them."""
    runs = await crib.recent_runs(limit)
    return {"summary": asdict(await crib.ledger()), "runs": [asdict(run) for run in runs]}


@router.get("/census")
async def census(crib: OpenCrib) -> dict[str, dict[str, int]]:
    """Who uses which release in memory: release id -> kind of user -> how many."""
    return {release: dict(users) for release, users in crib.census().items()}

"""`/v1/cache`: the kept results of tools."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query

from toolcrib.server.access import OpenCrib
from toolcrib.server.schema.cache import CacheDocument, CacheSelection, InvalidationDocument
from toolcrib.server.schema.openapi import failures

router = APIRouter(prefix="/v1/cache", tags=["cache"])
MISFIT = "The request does not fit; each field is named."


@router.get("", response_model=CacheDocument)
async def show_cache(crib: OpenCrib) -> dict[str, Any]:
    """What the result cache did since the start, and what it holds."""
    return asdict(crib.cache_stats())


@router.delete("", response_model=InvalidationDocument, responses=failures({422: MISFIT}))
async def invalidate(crib: OpenCrib, selection: Annotated[CacheSelection, Query()]) -> dict[str, int]:
    """Throw away the kept results that fit all that is given; all of them when nothing is."""
    return {"removed": await crib.invalidate_cache(**selection.model_dump())}

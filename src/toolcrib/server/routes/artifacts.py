"""`/v1/artifacts`: results too long for a model, in pieces or as a whole."""

from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse

from toolcrib.core.stores.artifacts import ArtifactPiece, ArtifactStore
from toolcrib.server.access import OpenCrib
from toolcrib.server.encoding import encode
from toolcrib.server.schema.documents import ArtifactDocument, Name
from toolcrib.server.schema.openapi import failures

router = APIRouter(prefix="/v1/artifacts", tags=["artifacts"])
UNKNOWN = "No such artifact of this tenant; its time may be over."
PLAIN = "text/plain"
STREAM_CHARS = 256 * 1024
MAX_OFFSET = 2**53


@router.get(
    "/{handle}",
    response_model=ArtifactDocument,
    responses={200: {"content": {PLAIN: {"schema": {"type": "string"}}}}, **failures({404: UNKNOWN})},
)
async def read_artifact(
    handle: str,
    crib: OpenCrib,
    tenant: Name = "",
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET, description="Where to begin, in characters.")] = 0,
    limit: Annotated[int | None, Query(ge=1, le=1_000_000, description="How many characters; all without.")] = None,
) -> Response:
    """A piece of a stored result with `next_offset`, as JSON; without `limit` all of it from `offset` on, as text.

    The text is sent while it is read. When the artifact gives way meanwhile, the answer is broken off.
    """
    piece = await crib.artifacts.read(handle, tenant=tenant, offset=offset, limit=limit or STREAM_CHARS)
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    if limit is not None:
        return Response(encode(asdict(piece)), media_type="application/json", headers=headers)
    return StreamingResponse(_text(crib.artifacts, handle, tenant, piece), media_type=PLAIN, headers=headers)


async def _text(artifacts: ArtifactStore, handle: str, tenant: str, piece: ArtifactPiece) -> AsyncIterator[bytes]:
    """The text from this piece on. Half characters, of which UTF-8 knows nothing, become question marks."""
    while True:
        yield piece.text.encode("utf-8", "replace")
        if piece.next_offset is None:
            return
        piece = await artifacts.read(handle, tenant=tenant, offset=piece.next_offset, limit=STREAM_CHARS)

"""`read_artifact`: reads on in a result that was too long, or finds a text in it."""

from typing import Annotated, Any

from pydantic import Field

from toolcrib.core.calls import ToolContext
from toolcrib.core.decorator import Port, tool
from toolcrib.core.policies import Output
from toolcrib.core.stores.artifacts import ArtifactStore

MAX_PLACES = 20
AROUND_CHARS = 100
LOOK_CHARS = 256 * 1024


@tool(side_effect="read", isolation="inline", output=Output(max_chars=60_000))
async def read_artifact(
    handle: Annotated[str, Field(max_length=100)],
    *,
    context: ToolContext,
    artifacts: Annotated[ArtifactStore, Port("artifacts")],
    offset: Annotated[int, Field(ge=0)] = 0,
    limit: Annotated[int, Field(ge=1, le=40_000)] = 20_000,
    search: Annotated[str, Field(max_length=1_000)] = "",
) -> dict[str, Any]:
    """Read on in the result of another tool that was cut because it is too long, or search it.

    Args:
        handle: the handle in the note at the end of the cut result, art_...
        offset: where to begin, in characters; next_offset in the answer is where to go on, null at the end.
        limit: how many characters to read.
        search: tell where exactly this text stands, from offset on, instead of reading.
    """
    if search:
        return await _places(artifacts, handle, context.tenant, search, offset)
    piece = await artifacts.read(handle, tenant=context.tenant, offset=offset, limit=limit)
    where = {"total_chars": piece.total_chars, "offset": piece.offset, "next_offset": piece.next_offset}
    return where | {"text": piece.text}  # the text comes last: it may be cut, where it has many signs JSON must escape


async def _places(artifacts: ArtifactStore, handle: str, tenant: str, wanted: str, offset: int) -> dict[str, Any]:
    """The first places where a text stands, each with what is around it."""
    found, more, total = await _offsets(artifacts, handle, tenant, wanted, offset)
    places = []
    for at in found:
        begin = max(0, at - AROUND_CHARS)
        limit = at - begin + len(wanted) + AROUND_CHARS
        around = await artifacts.read(handle, tenant=tenant, offset=begin, limit=limit)
        places.append({"offset": at, "text": around.text})
    return {"total_chars": total, "next_offset": more, "places": places}


async def _offsets(
    artifacts: ArtifactStore, handle: str, tenant: str, wanted: str, offset: int
) -> tuple[list[int], int | None, int]:
    """Where the text stands, where to search on, and how long the whole is.

    Looked for piece by piece; pieces overlap, so that no place is between two of them.
    """
    found: list[int] = []
    while True:
        piece = await artifacts.read(handle, tenant=tenant, offset=offset, limit=LOOK_CHARS)
        at = piece.text.find(wanted)
        while at >= 0:
            if len(found) == MAX_PLACES:
                return found, offset + at, piece.total_chars
            found.append(offset + at)
            at = piece.text.find(wanted, at + len(wanted))
        if piece.next_offset is None:
            return found, None, piece.total_chars
        behind = found[-1] + len(wanted) if found else 0
        offset = max(behind, piece.next_offset - len(wanted) + 1)

"""What every artifact store makes of a text, however it stores: chunks of bytes, and pieces of text from them again."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from toolcrib.core.stores.artifacts import ArtifactPiece

CHUNK_CHARS = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much a store keeps, and for how long.

    Attributes:
        max_bytes: all artifacts together.
        ttl_s: seconds for which each is kept.
    """

    max_bytes: int
    ttl_s: float


async def chunked(pieces: Sequence[str]) -> list[bytes]:
    """The text of the pieces in chunks of `CHUNK_CHARS` characters (the last may be shorter), as UTF-8.

    Half characters (lone surrogates) are kept as they are.
    """
    small = sum(map(len, pieces)) <= CHUNK_CHARS
    return _chunks(pieces) if small else await asyncio.to_thread(_chunks, pieces)


def chunks_of(offset: int, limit: int, total_chars: int) -> range:
    """The numbers of the chunks that hold so many characters from `offset` on, as far as there are any.

    Raises:
        ValueError: `offset` or `limit` is negative.
    """
    if offset < 0 or limit < 0:
        raise ValueError(f"offset and limit must not be negative, and are {offset} and {limit}")
    end = min(offset + limit, total_chars)
    return range(offset // CHUNK_CHARS, -(-end // CHUNK_CHARS)) if offset < end else range(0)


def piece_of(chunks: Sequence[bytes], *, offset: int, limit: int, total_chars: int, size_bytes: int) -> ArtifactPiece:
    """The piece that was asked for, from the chunks that `chunks_of` named."""
    start = offset % CHUNK_CHARS
    text = "".join([chunk.decode("utf-8", "surrogatepass") for chunk in chunks])[start : start + limit]
    end = offset + len(text)
    return ArtifactPiece(
        text=text,
        offset=offset,
        next_offset=end if end < total_chars else None,
        total_chars=total_chars,
        size_bytes=size_bytes,
    )


def _chunks(pieces: Sequence[str]) -> list[bytes]:
    made: list[bytes] = []
    rest = ""
    for piece in pieces:
        at = 0
        while at < len(piece):
            part = piece[at : at + CHUNK_CHARS - len(rest)]
            at += len(part)
            rest += part
            if len(rest) == CHUNK_CHARS:
                made.append(rest.encode("utf-8", "surrogatepass"))
                rest = ""
    return made if made and not rest else [*made, rest.encode("utf-8", "surrogatepass")]

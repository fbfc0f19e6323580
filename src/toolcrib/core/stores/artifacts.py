"""Artifacts: results too long for a model, kept whole for a while under a handle."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from toolcrib.core.errors import ArtifactNotFound

READ_ARTIFACT = "read_artifact"
"""Name of the built-in tool that reads them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactPiece:
    """A part of an artifact's text.

    Attributes:
        text: the part.
        offset: where it begins, in characters.
        next_offset: where to read on; None when this is the end.
        total_chars: characters of the whole text.
        size_bytes: bytes of the whole text as UTF-8.
    """

    text: str
    offset: int
    next_offset: int | None
    total_chars: int
    size_bytes: int


class ArtifactStore(Protocol):
    """Texts under handles that nobody can guess, each for one tenant, for a while, within a bound of bytes.

    When the bound is reached, those whose time is over first give way. A handle of another tenant is unknown.
    """

    async def put(self, pieces: Sequence[str], *, tenant: str = "") -> str | None:
        """Keep the text that these pieces make; never holds the event loop for long, however large it is.

        Returns:
            Its handle; None when it is larger than all that the store may hold.
        """

    async def read(self, handle: str, *, tenant: str = "", offset: int = 0, limit: int = 20_000) -> ArtifactPiece:
        """Up to `limit` characters from `offset` on; none from beyond the end.

        Raises:
            ArtifactNotFound: there is no such artifact, or it is another tenant's.
            ValueError: `offset` or `limit` is negative.
        """

    async def renew(self, handle: str, *, tenant: str = "") -> bool:
        """Let its time begin anew, because its handle is given out once more; False when there is no such artifact."""

    async def sweep(self) -> int:
        """Delete those whose time is over; how many there were."""


def no_artifact(handle: str) -> ArtifactNotFound:
    """What everybody is told who may not read it, for whatever reason."""
    return ArtifactNotFound(
        f"There is no artifact {handle[:100]!r}.",
        hint="Artifacts are kept for a while only: call the tool again that gave the handle.",
    )

"""Excess: what a model is told of the part of a result it does not see, and whether that part is still there."""

import logging
from dataclasses import replace

from toolcrib.core.results import ToolResult
from toolcrib.core.stores.artifacts import READ_ARTIFACT, ArtifactStore

log = logging.getLogger(__name__)
_NOTE = "\n[Cut: "
LOST = "The rest could not be kept. Ask for less to see it."
GONE = "The rest is no longer kept."
ASK_FOR_LESS = "Ask for less to see the rest."


def noted(begin: str, total_chars: int, advice: str) -> str:
    """The beginning of a text with a note of how long it is, and what to do about the rest."""
    return f"{begin}{_NOTE}these are {len(begin):,} of {total_chars:,} characters. {advice}]"


def how_to_read_on(handle: str, offset: int, *, readable: bool) -> str:
    """Where the rest is; `readable` tells whether there is a tool to read it."""
    call = f'; read on with {READ_ARTIFACT}(handle="{handle}", offset={offset})' if readable else ""
    return f"The whole is kept as {handle}{call}."


async def is_whole(result: ToolResult, artifacts: ArtifactStore, tenant: str) -> bool:
    """Whether a result that is given out once more can be read to its end; its artifact's time begins anew then."""
    if not result.artifact:
        return True
    try:
        return await artifacts.renew(result.artifact, tenant=tenant)
    except Exception:  # outer guard: whatever ails the store, a result must not fail for its end
        log.warning("artifact store failed", extra={"tool": result.tool, "operation": "renew"}, exc_info=True)
        return False


def without_rest(result: ToolResult) -> ToolResult:
    """The result of which only the beginning is left: nobody is shown the handle of an artifact that is gone."""
    begin, _, note = str(result.value).rpartition(_NOTE)
    counts = note.partition(". ")[0]
    return replace(result, value=f"{begin}{_NOTE}{counts}. {GONE}]", artifact="")

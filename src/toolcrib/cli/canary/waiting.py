"""Waiting for what becomes of a canary."""

from toolcrib.cli.backend import Backend
from toolcrib.cli.output import Json
from toolcrib.core.errors import Conflict, NotFound
from toolcrib.runtime.clock import SystemClock

LOOK_S = 1.0
LOOKS = 5
"""The channel changes a moment before the history tells of it."""
ENDS = frozenset({"promoted", "withdrawn"})


async def outcome(source: Backend, release: str) -> Json:
    """The deployment that ended the canary, when it has ended.

    Raises:
        Conflict: something else was deployed in its place.
    """
    clock = SystemClock()
    while await _serves_a_part(source, release):
        await clock.sleep(LOOK_S)
    for _ in range(LOOKS):
        history = (await source.releases())["history"]
        newest: Json = next((one for one in history if one["release"] == release), {})
        if newest.get("state") in ENDS:
            return newest
        await clock.sleep(LOOK_S)
    raise Conflict(f"The canary {release} was replaced by another deployment.", hint="`toolcrib releases` tells which.")


async def _serves_a_part(source: Backend, release: str) -> bool:
    try:
        return bool((await source.canary())["release"] == release)
    except NotFound:
        return False

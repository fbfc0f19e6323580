"""`read_artifact`: pieces with their place, and where a text stands."""

from itertools import count
from typing import Any

import pytest

from toolcrib.core.calls import ToolContext
from toolcrib.core.errors import ArgumentsInvalid, ArtifactNotFound
from toolcrib.stores.artifact_texts import Bounds
from toolcrib.stores.memory.artifacts import MemoryArtifactStore
from toolcrib.testing import FakeClock
from toolcrib.tools.adapt import adapt
from toolcrib.tools.builtin.catalogue import BUILTIN
from toolcrib.tools.builtin.read_artifact import AROUND_CHARS, LOOK_CHARS, MAX_PLACES, read_artifact

pytestmark = pytest.mark.anyio
TEXT = "".join(f"{n:05}" for n in range(10_000))


class Reader:
    """The tool on a store of its own."""

    def __init__(self) -> None:
        numbers = count(1)
        bounds = Bounds(max_bytes=10_000_000, ttl_s=60.0)
        self.store = MemoryArtifactStore(bounds=bounds, clock=FakeClock(), new_handle=lambda: f"art_{next(numbers)}")

    async def keep(self, text: str, tenant: str = "acme") -> str:
        handle = await self.store.put([text], tenant=tenant)
        assert handle is not None
        return handle

    async def read(self, handle: str, *, tenant: str = "acme", **args: Any) -> dict[str, Any]:
        context = ToolContext(tool="read_artifact", call_id="c", release="r", tenant=tenant)
        return await read_artifact(handle, context=context, artifacts=self.store, **args)


async def test_a_piece_comes_with_its_place_and_where_to_go_on() -> None:
    reader = Reader()
    handle = await reader.keep(TEXT)
    piece = await reader.read(handle, offset=100, limit=10)
    assert piece == {"total_chars": 50_000, "offset": 100, "next_offset": 110, "text": TEXT[100:110]}
    assert [*piece][-1] == "text"  # what may be cut off stands last
    last = await reader.read(handle, offset=40_000)
    assert (last["next_offset"], last["text"]) == (None, TEXT[40_000:])


async def test_following_next_offset_reads_everything() -> None:
    reader = Reader()
    handle = await reader.keep(TEXT)
    text, offset = "", 0
    while offset is not None:
        piece = await reader.read(handle, offset=offset)
        text, offset = text + piece["text"], piece["next_offset"]
    assert text == TEXT


async def test_it_reads_for_the_tenant_of_its_caller_and_no_other() -> None:
    reader = Reader()
    handle = await reader.keep(TEXT, tenant="acme")
    for args in ({}, {"search": "00"}):
        with pytest.raises(ArtifactNotFound):
            await reader.read(handle, tenant="evil", **args)


async def test_a_search_tells_the_places_with_what_is_around_them() -> None:
    reader = Reader()
    text = "a" * 500 + "needle" + "b" * 500 + "needle"
    found = await reader.read(await reader.keep(text), search="needle")
    assert found == {
        "total_chars": len(text),
        "next_offset": None,
        "places": [
            {"offset": 500, "text": "a" * AROUND_CHARS + "needle" + "b" * AROUND_CHARS},
            {"offset": 1006, "text": "b" * AROUND_CHARS + "needle"},
        ],
    }
    assert (await reader.read(await reader.keep(text), search="Needle"))["places"] == []


@pytest.mark.parametrize("begin", [0, LOOK_CHARS - 7, LOOK_CHARS - 3, LOOK_CHARS, 2 * LOOK_CHARS - 5])
async def test_a_place_is_found_once_wherever_it_stands(begin: int) -> None:
    reader = Reader()
    text = "." * begin + "needle" + "." * (3 * LOOK_CHARS - begin)
    found = await reader.read(await reader.keep(text), search="needle")
    assert [place["offset"] for place in found["places"]] == [begin]


async def test_more_places_than_are_told_are_found_by_going_on() -> None:
    reader = Reader()
    handle = await reader.keep("aa" * 45)
    found: list[int] = []
    offset, rounds = 0, 0
    while offset is not None:
        answer = await reader.read(handle, search="aa", offset=offset)
        assert len(answer["places"]) <= MAX_PLACES
        found += [place["offset"] for place in answer["places"]]
        offset, rounds = answer["next_offset"], rounds + 1
    assert (found, rounds) == (list(range(0, 90, 2)), 3)


@pytest.mark.parametrize("args", [{"offset": -1}, {"limit": 0}, {"limit": 40_001}, {"search": "x" * 1_001}, {}])
def test_impossible_arguments_are_refused_before_anything_is_read(args: dict[str, Any]) -> None:
    with pytest.raises(ArgumentsInvalid):
        adapt(read_artifact).validate({"handle": "art_1" if args else "x" * 101, **args})


def test_every_built_in_tool_stands_under_its_name_and_says_where_it_runs_and_how_much_it_gives() -> None:
    for name, function in BUILTIN.items():
        tool = adapt(function)
        assert tool.name == name
        assert tool.spec.policy.output is not None
        assert tool.spec.policy.isolation != "auto"

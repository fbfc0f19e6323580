"""The result cache over HTTP: what it holds, and throwing it away."""

import pytest

from tests.unit.server.conftest import Door

pytestmark = pytest.mark.anyio

CACHED = '''
from toolcrib import tool

@tool(side_effect="read", cache={"tags": ["words"]})
def shout(word: str) -> str:
    """Say it loud."""
    return word.upper()

@tool(side_effect="read", cache={})
def whisper(word: str) -> str:
    """Say it softly."""
    return word.lower()
'''


@pytest.fixture
async def cached(door: Door) -> Door:
    """A door with three kept results: two of `shout`, one of `whisper`; tenant `b` has one."""
    door.tools.with_name("cached.py").write_text(CACHED, encoding="utf-8")
    assert (await door.crib.deploy()).state == "active"
    for tool, tenant in (("shout", "a"), ("shout", "b"), ("whisper", "a")):
        await door.http.post(f"/v1/tools/{tool}/calls", json={"args": {"word": "Hi"}, "tenant": tenant})
    return door


async def test_the_cache_tells_what_it_did_and_what_it_holds(cached: Door) -> None:
    again = {"args": {"word": "Hi"}, "tenant": "a"}
    hit = (await cached.http.post("/v1/tools/shout/calls", json=again)).json()
    assert (hit["value"], hit["cached"], hit["attempts"]) == ("HI", True, 0)
    told = (await cached.http.get("/v1/cache")).json()
    assert told.pop("size_bytes") > 0
    assert told == {"hits": 1, "misses": 3, "evicted": 0, "entries": 3}


@pytest.mark.parametrize(
    ("query", "removed"),
    [("tool=shout", 2), ("tenant=a", 2), ("tag=words", 2), ("tool=shout&tenant=b", 1), ("tool=nobody", 0), ("", 3)],
)
async def test_what_fits_the_query_is_thrown_away(cached: Door, query: str, removed: int) -> None:
    answer = await cached.http.delete(f"/v1/cache?{query}")
    assert (answer.status_code, answer.json()) == (200, {"removed": removed})
    assert (await cached.http.get("/v1/cache")).json()["entries"] == 3 - removed


@pytest.mark.parametrize("query", ["tols=shout", "tool=%00", "tag=" + "x" * 201])
async def test_a_query_that_does_not_fit_throws_nothing_away(cached: Door, query: str) -> None:
    answer = await cached.http.delete(f"/v1/cache?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")
    assert (await cached.http.get("/v1/cache")).json()["entries"] == 3


async def test_a_page_of_another_origin_throws_nothing_away(cached: Door) -> None:
    answer = await cached.http.delete("/v1/cache", headers={"origin": "https://elsewhere.example"})
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")
    assert (await cached.http.get("/v1/cache")).json()["entries"] == 3

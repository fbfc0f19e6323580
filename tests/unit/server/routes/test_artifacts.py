"""Stored results over HTTP: pieces as JSON, the whole as text, each for its own tenant."""

import asyncio
from collections.abc import AsyncIterator

import anyio
import pytest
from starlette.types import Message

from tests.unit.server.conftest import Door, open_door, write_project
from toolcrib.core.errors import ArtifactNotFound
from toolcrib.server.routes.artifacts import STREAM_CHARS

pytestmark = pytest.mark.anyio
TOOL = '''
from toolcrib import Output, tool

@tool(side_effect="none", output=Output(max_chars=100, excess="store"))
def report(length: int) -> str:
    """A long text."""
    return ("é好🙂x" * length)[:length]
'''


def text(length: int) -> str:
    return ("é好🙂x" * length)[:length]


@pytest.fixture(scope="module")
async def storing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    """A door whose project has a tool that stores its output, in a store of 4 MiB."""
    root = write_project(tmp_path_factory.mktemp("storing"))
    (root / "tools" / "reports.py").write_text(TOOL, encoding="utf-8")
    (root / "toolcrib.yaml").write_text("artifacts: {max_mb: 4}\n", encoding="utf-8")
    async with open_door(root) as door:
        yield door


async def handle_of(door: Door, length: int, tenant: str = "acme") -> str:
    asked = {"args": {"length": length}, "tenant": tenant}
    result = (await door.http.post("/v1/tools/report/calls", json=asked)).json()
    assert result["value"].startswith(text(100) + "\n[Cut: ")
    return str(result["artifact"])


async def test_a_piece_tells_where_to_read_on(storing: Door) -> None:
    handle = await handle_of(storing, 1_000)
    answer = await storing.http.get(f"/v1/artifacts/{handle}?tenant=acme&offset=100&limit=10")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == {
        "text": text(1_000)[100:110],
        "offset": 100,
        "next_offset": 110,
        "total_chars": 1_000,
        "size_bytes": len(text(1_000).encode()),
    }
    last = (await storing.http.get(f"/v1/artifacts/{handle}?tenant=acme&offset=990&limit=10")).json()
    assert (last["text"], last["next_offset"]) == (text(1_000)[990:], None)


@pytest.mark.parametrize("length", [101, STREAM_CHARS, 2 * STREAM_CHARS + 7])
async def test_without_a_limit_the_whole_comes_as_text(storing: Door, length: int) -> None:
    handle = await handle_of(storing, length)
    answer = await storing.http.get(f"/v1/artifacts/{handle}?tenant=acme")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert (answer.headers["cache-control"], answer.headers["x-content-type-options"]) == ("no-store", "nosniff")
    assert answer.text == text(length)
    rest = await storing.http.get(f"/v1/artifacts/{handle}?tenant=acme&offset=50")
    assert rest.text == text(length)[50:]


async def test_half_characters_do_not_break_the_text(storing: Door) -> None:
    handle = await storing.crib.artifacts.put(["a\ud800b"])
    assert (await storing.http.get(f"/v1/artifacts/{handle}")).text == "a?b"
    assert (await storing.http.get(f"/v1/artifacts/{handle}?limit=9")).json()["text"] == "a\ud800b"


async def test_another_tenants_handle_is_answered_like_an_unknown_one(storing: Door) -> None:
    handle = await handle_of(storing, 1_000)
    never = "art_" + "0" * 32
    told = []
    for asked, query in ((handle, "?tenant=evil"), (handle, ""), (never, "?tenant=acme"), (handle, "?limit=5")):
        answer = await storing.http.get(f"/v1/artifacts/{asked}{query}")
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
        problem = answer.json()
        told.append((problem["code"], problem["detail"].replace(asked, "…"), problem["hint"]))
    assert set(told) == {told[0]}
    assert told[0][0] == "artifact_not_found"


@pytest.mark.parametrize(
    "query", ["offset=-1", "limit=0", "limit=1000001", "offset=x", f"offset={10**30}", "tenant=%00"]
)
async def test_a_query_that_does_not_fit_is_refused(storing: Door, query: str) -> None:
    answer = await storing.http.get(f"/v1/artifacts/art_1?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")


async def test_a_text_whose_artifact_gives_way_meanwhile_is_broken_off(storing: Door) -> None:
    handle = await handle_of(storing, 3 * STREAM_CHARS)
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)
        if len(sent) == 2:
            assert await storing.crib.artifacts.put(["x" * (4 << 20)])

    async def receive() -> Message:
        await asyncio.Event().wait()
        return {}

    scope = {
        "type": "http",
        "method": "GET",
        "path": f"/v1/artifacts/{handle}",
        "query_string": b"tenant=acme",
        "headers": [(b"host", b"localhost")],
        "http_version": "1.1",
    }
    with anyio.fail_after(60), pytest.raises(RuntimeError) as caught:
        await storing.app(scope, receive, send)
    assert isinstance(caught.value.__cause__, ArtifactNotFound)
    assert sent[0]["status"] == 200
    assert all(message["more_body"] for message in sent[1:])

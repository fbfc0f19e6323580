"""A project sent as an archive: it serves, it stays, and what is refused changes nothing."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Message

from tests.unit.loader.archives.made import entry, tar, zipped
from tests.unit.server.conftest import Door, open_door, write_project
from toolcrib.loader.bundle import read_bundle
from toolcrib.server.app import create_app

pytestmark = pytest.mark.anyio
GZIP = {"content-type": "application/gzip"}


def tree(root: Path, word: str) -> dict[str, bytes]:
    """The project of the door, with another word to greet by; its own directory stays as it is."""
    files = dict(read_bundle(root).contents)
    return files | {"tools/words.py": files["tools/words.py"].replace(b'"hello"', f'"{word}"'.encode())}


async def greeting(door: Door) -> str:
    return str((await door.http.post("/v1/tools/greet/calls", json={"args": {"name": "Ada"}})).json()["value"])


async def send(door: Door, archive: bytes, query: str = "", **headers: str) -> httpx.Response:
    return await door.http.post(f"/v1/releases{query}", content=archive, headers=GZIP | headers)


def state_files(root: Path) -> set[str]:
    return {path.name for path in (root / ".toolcrib").rglob("*")}


async def test_an_archive_serves_with_the_record_of_a_deployment(door: Door) -> None:
    before, commit = door.crib.release.id, "a" * 40
    answer = await send(
        door,
        tar(tree(door.root, "good day")),
        f"?why=new+words&git_commit={commit}&git_branch=main&git_dirty=false",
        **{"x-toolcrib-who": "ann@laptop"},
    )
    told = answer.json()
    assert (answer.status_code, told["state"], told["previous"]) == (200, "active", before)
    assert (told["actor"], told["who"], told["why"]) == ("upload", "ann@laptop", "new words")
    assert told["git"] == {"commit": commit, "branch": "main", "dirty": False}
    assert "greet" in [change["name"] for change in told["diff"]]
    assert await greeting(door) == "good day Ada"
    shown = (await door.http.get(f"/v1/releases/{told['release']}")).json()
    assert [one["git"] for one in shown["deployments"]] == [told["git"]]


async def test_directory_tar_and_zip_make_one_release(door: Door) -> None:
    files = tree(door.root, "salve")
    first = (await send(door, tar(files))).json()
    again = (await send(door, zipped(files), **{"content-type": "application/zip"})).json()
    door.tools.write_bytes(files["tools/words.py"])
    third = (await door.http.post("/v1/deployments")).json()
    assert [one["state"] for one in (first, again, third)] == ["active", "unchanged", "unchanged"]
    assert {one["release"] for one in (first, again, third)} == {first["release"]}


async def test_an_archive_comes_as_a_canary_for_tenants_or_for_nobody(door: Door) -> None:
    before = door.crib.release.id
    part = (await send(door, tar(tree(door.root, "ave")), "?canary=25&tenants=acme&tenants=beta&bake_s=60")).json()
    assert (part["state"], part["previous"]) == ("canary", before)
    told = (await door.http.get("/v1/canary")).json()
    assert (told["percent"], told["tenants"], told["bake_s"]) == (25.0, ["acme", "beta"], 60.0)
    kept = (await send(door, tar(tree(door.root, "servus")), "?activate=false")).json()
    assert (kept["state"], kept["previous"]) == ("inactive", before)
    assert (await door.http.get("/v1/canary")).json()["release"] == part["release"]


@pytest.mark.parametrize(
    "query",
    ["?canary=101", "?canary=0", "?canary=5&activate=false", "?cannary=5", "?git_commit=HEAD", "?accept=everything"],
)
async def test_a_query_that_makes_no_sense_is_a_422_before_anything_is_looked_at(reading: Door, query: str) -> None:
    answer = await send(reading, b"no archive", query)
    assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")


async def test_lowered_guards_are_accepted_by_the_query(door: Door) -> None:
    files = tree(door.root, "hello")
    scoped = files["tools/words.py"].replace(
        b'@tool(side_effect="none", ex', b'@tool(scopes=("a:b",), side_effect="none", ex'
    )
    assert (await send(door, tar(files | {"tools/words.py": scoped}))).json()["state"] == "active"
    refused = await send(door, tar(tree(door.root, "ahoy")))
    assert (refused.status_code, refused.json()["reasons"][0]["code"]) == (422, "permissions")
    assert (await send(door, tar(tree(door.root, "ahoy")), "?accept=permissions")).json()["state"] == "active"


async def test_a_tree_the_gate_refuses_is_told_with_places_and_the_directory_is_not_blamed(door: Door) -> None:
    before = door.crib.release.id
    answer = await send(door, tar(tree(door.root, "hello") | {"tools/more.py": b"def broken(:\n"}))
    told = answer.json()
    assert (answer.status_code, told["code"]) == (422, "deployment_rejected")
    assert [(reason["file"], reason["line"]) for reason in told["reasons"]] == [("tools/more.py", 1)]
    assert door.crib.release.id == before
    assert door.crib.problem is None
    shown = (await door.http.get(f"/v1/releases/{told['detail'].split()[2]}")).json()
    assert (shown["state"], shown["digest"], shown["files"]) == ("rejected", "", {})
    assert shown["deployments"][0]["reasons"] == told["reasons"]
    newest = (await door.crib.history())[0]
    assert (newest.state, newest.actor) == ("rejected", "upload")


@pytest.mark.parametrize(
    ("archive", "content_type", "expected"),
    [
        (tar({"tools/a.py": b""}, entry("../x.py")), "application/gzip", (422, "archive_invalid", "../x.py")),
        (tar({"tools/a.py": b""})[:-9], "application/gzip", (422, "archive_invalid", "")),
        (tar({"a/tools/a.py": b""}), "application/gzip", (422, "archive_invalid", "")),
        (tar({"tools/a.py": bytes(20 << 20)}), "application/gzip", (413, "archive_too_large", "")),
        (tar({"tools/a.py": b""}), "application/json", (415, "archive_unsupported", "")),
        (b"{}", "application/octet-stream", (415, "archive_unsupported", "")),
        (b"", "application/gzip", (415, "archive_unsupported", "")),
    ],
    ids=["path", "damaged", "around", "bomb", "json", "neither", "empty"],
)
async def test_an_archive_that_is_refused_is_a_problem_with_its_entry_and_leaves_nothing(
    reading: Door, archive: bytes, content_type: str, expected: tuple[int, str, str]
) -> None:
    (status, code, name), before, files = expected, await reading.crib.history(), state_files(reading.root)
    answer = await send(reading, archive, **{"content-type": content_type})
    told = answer.json()
    assert (answer.status_code, told["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert [reason["file"] for reason in told["reasons"]] == ([name] if name else [])
    assert told["hint"] or told["reasons"][0]["hint"]
    assert await reading.crib.history() == before
    assert state_files(reading.root) == files


async def test_an_archive_larger_than_the_setting_is_refused_told_or_counted(tmp_path: Path) -> None:
    root = write_project(tmp_path)
    (root / "toolcrib.yaml").write_text("uploads: {max_mb: 1}\n")

    async def stream() -> AsyncIterator[bytes]:
        for _ in range(17):
            yield bytes(1 << 16)

    async with open_door(root) as door:
        for content in (bytes((1 << 20) + 1), stream()):
            answer = await door.http.post("/v1/releases", content=content, headers=GZIP)
            assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
            assert "uploads.max_mb" in answer.json()["hint"]
        assert (await send(door, tar(tree(root, "hi")))).json()["state"] == "active"


async def test_other_bodies_keep_their_limit(reading: Door) -> None:
    answer = await reading.http.post("/v1/deployments", content=bytes((1 << 20) + 1))
    assert (answer.status_code, answer.json()["hint"]) == (413, "Send less in one request.")


async def test_a_client_that_leaves_in_the_middle_leaves_nothing(reading: Door) -> None:
    before, files = await reading.crib.history(), state_files(reading.root)
    messages: list[Message] = [
        {"type": "http.request", "body": tar(tree(reading.root, "bye"))[:-100], "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send_back(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/releases",
        "raw_path": b"/v1/releases",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/gzip")],
        "http_version": "1.1",
        "scheme": "http",
        "server": ("localhost", 80),
        "client": ("127.0.0.1", 1),
    }
    with anyio.fail_after(5):
        await reading.app(scope, receive, send_back)
    assert sent == []
    assert len(reading.inflight) == 0
    assert await reading.crib.history() == before
    assert state_files(reading.root) == files


async def test_a_server_that_is_open_to_others_takes_no_archive_unless_it_is_told_to(tmp_path: Path) -> None:
    root = write_project(tmp_path)
    for text, status in (("{}\n", 403), ("uploads: {allow_open: true}\n", 200)):
        (root / "toolcrib.yaml").write_text(text)
        async with open_door(root) as door:
            app: FastAPI = create_app(door.crib, recent=door.recent, stop=door.stop, hosts=None)
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.example") as http:
                answer = await http.post("/v1/releases", content=tar(tree(root, "hej")), headers=GZIP)
                assert answer.status_code == status
                assert status == 200 or answer.json()["code"] == "uploads_closed"


async def test_a_page_of_another_origin_may_send_no_archive(reading: Door) -> None:
    answer = await send(reading, tar(tree(reading.root, "oi")), origin="https://elsewhere.example")
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")


async def test_who_asks_is_written_down_as_it_may_be_printed(door: Door) -> None:
    told = (await send(door, tar(tree(door.root, "yo")), **{"x-toolcrib-who": "eve\t@" + "x" * 300})).json()
    assert told["who"] == "eve@" + "x" * 196
    assert (await door.http.post("/v1/rollback")).json()["who"] == "127.0.0.1"


async def test_what_was_sent_serves_over_restarts_until_the_directory_changes(tmp_path: Path) -> None:
    root = write_project(tmp_path)
    async with open_door(root) as door:
        own = door.crib.release.id
        sent = (await send(door, tar(tree(root, "moin")))).json()["release"]
        assert (
            str(door.crib.problem)
            == f"The directory's newest state, {own}, was replaced by another deployment; {sent} serves."
        )
    async with open_door(root) as door:
        assert door.crib.release.id == sent
        assert await greeting(door) == "moin Ada"
        assert f"{own}, was replaced" in str(door.crib.problem)
        (root / "tools" / "words.py").write_text((root / "tools" / "words.py").read_text() + "\n# edited\n")
        newer = (await send(door, gzip.compress(gzip.decompress(tar(tree(root, "grüezi")))))).json()["release"]
    async with open_door(root) as door:
        assert door.crib.release.id == newer, "the directory had changed before this one was sent"
        (root / "tools" / "words.py").write_text((root / "tools" / "words.py").read_text() + "\n# again\n")
    async with open_door(root) as door:
        assert await greeting(door) == "hello Ada"
        assert door.crib.problem is None

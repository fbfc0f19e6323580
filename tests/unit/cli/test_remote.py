"""A running server as a backend: what it answers, and how its failures reach the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from toolcrib.cli.exit_codes import (
    CONFLICT,
    FAILURE,
    INVALID,
    NOT_FOUND,
    UNREACHABLE,
    USAGE,
    UsageProblem,
    exit_code,
)
from toolcrib.cli.remote import Remote, open_remote
from toolcrib.core.errors import (
    ArchiveInvalid,
    ArgumentsInvalid,
    DeploymentRejected,
    InputInvalid,
    ModelUnavailable,
    NotFound,
    ReleaseNotFound,
    ResumeRefused,
    RunFailed,
    ServerUnreachable,
    ThreadBusy,
    ToolcribError,
)
from toolcrib.loader.archives.packing import pack
from toolcrib.loader.bundle import read_bundle

pytestmark = pytest.mark.anyio

Answer = Callable[[httpx.Request], httpx.Response]
REASON = {"code": "syntax", "message": "invalid syntax", "file": "tools/a.py", "line": 1, "column": 7}


def remote(answer: Answer) -> Remote:
    return Remote(httpx.AsyncClient(base_url="http://server", transport=httpx.MockTransport(answer)))


def problem(status: int, **more: Any) -> httpx.Response:
    return httpx.Response(status, json={"status": status, "detail": "It went wrong.", "hint": "Mend it.", **more})


def events(*frames: tuple[str, Any]) -> httpx.Response:
    text = ": heartbeat\n\n" + "".join(f"event: {name}\ndata: {json.dumps(data)}\nid: 1\n\n" for name, data in frames)
    return httpx.Response(200, text=text, headers={"content-type": "text/event-stream"})


def nobody(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


async def test_a_stream_gives_the_run_s_events_without_heartbeats_and_end() -> None:
    source = remote(
        lambda _: events(("run.started", {"run_id": "1"}), ("run.finished", {"success": True}), ("end", {}))
    )

    seen = [event async for event in source.stream("support", {"question": "?"})]

    assert seen == [
        {"event": "run.started", "data": {"run_id": "1"}},
        {"event": "run.finished", "data": {"success": True}},
    ]


async def test_an_error_in_the_middle_of_a_stream_is_raised_behind_what_came_before() -> None:
    source = remote(lambda _: events(("run.started", {}), ("error", {"message": "It broke.", "hint": "Again."})))
    seen = []

    with pytest.raises(RunFailed, match=r"It broke\.") as raised:
        async for event in source.stream("support", {"question": "?"}):
            seen.append(event["event"])

    assert seen == ["run.started"]
    assert raised.value.hint == "Again."


async def test_a_stream_that_was_refused_raises_what_the_problem_says() -> None:
    source = remote(lambda _: problem(404))

    with pytest.raises(NotFound, match=r"It went wrong\."):
        await anext(aiter(source.stream("suport", {"question": "?"})))


async def test_a_server_that_is_not_there_is_unreachable_for_a_request_and_for_a_stream() -> None:
    source = remote(nobody)

    with pytest.raises(ServerUnreachable, match="http://server"):
        await source.tools()
    with pytest.raises(ServerUnreachable, match="http://server"):
        await anext(aiter(source.stream("support", {"question": "?"})))


@pytest.mark.parametrize(
    ("status", "more", "code"),
    [(404, {}, NOT_FOUND), (409, {}, CONFLICT), (422, {}, FAILURE), (503, {}, UNREACHABLE), (500, {}, FAILURE)],
)
async def test_each_status_becomes_the_promised_exit_code(status: int, more: dict[str, Any], code: int) -> None:
    with pytest.raises(ToolcribError) as raised:
        await remote(lambda _: problem(status, **more)).tools()

    assert exit_code(raised.value) == code


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (409, ResumeRefused, CONFLICT),
        (409, ThreadBusy, CONFLICT),
        (422, InputInvalid, USAGE),
        (422, ArgumentsInvalid, FAILURE),
        (503, ModelUnavailable, FAILURE),
        (503, ReleaseNotFound, UNREACHABLE),
    ],
)
async def test_a_problem_s_code_ends_the_command_as_the_same_error_does_without_a_server(
    status: int, kind: type[ToolcribError], code: int
) -> None:
    with pytest.raises(ToolcribError) as raised:
        await remote(lambda _: problem(status, code=kind.code)).run("support", {"question": "?"})

    assert exit_code(raised.value) == code
    assert (raised.value.message, raised.value.hint) == ("It went wrong.", "Mend it.")
    assert status == 503 or type(raised.value) is kind


async def test_an_answer_that_is_no_problem_document_still_tells_its_status() -> None:
    with pytest.raises(RunFailed, match="answered 502"):
        await remote(lambda _: httpx.Response(502, text="<html>Bad gateway</html>")).tools()


async def test_reasons_of_a_rejection_keep_their_place() -> None:
    with pytest.raises(DeploymentRejected) as raised:
        await remote(lambda _: problem(422, reasons=[REASON])).rollback(None, "")

    assert [reason.place for reason in raised.value.reasons] == ["tools/a.py:1:7"]
    assert exit_code(raised.value) == INVALID


async def test_a_rejected_deployment_is_an_outcome_with_its_reasons() -> None:
    outcome = await remote(lambda _: problem(422, reasons=[REASON])).deploy(None, {})

    assert outcome["state"] == "rejected"
    assert outcome["reasons"][0]["file"] == "tools/a.py"


async def test_an_address_without_http_is_a_mistake_of_the_command_line() -> None:
    with pytest.raises(UsageProblem) as raised:
        async with open_remote("localhost:2024"):
            pass

    assert exit_code(raised.value) == USAGE


async def test_a_directory_is_sent_with_its_plan_and_its_commit_in_the_query(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "a.py").write_text("A = 1\n")
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"state": "canary"})

    body = {"canary": 5.0, "tenants": ["a", "b"], "activate": False, "accept": ["permissions"], "why": "so & so"}
    assert await remote(answer).deploy(tmp_path, body) == {"state": "canary"}
    (request,) = asked
    assert (request.method, request.url.path) == ("POST", "/v1/releases")
    assert request.headers["content-type"] == "application/gzip"
    assert request.url.params.multi_items() == [
        ("canary", "5.0"),
        ("tenants", "a"),
        ("tenants", "b"),
        ("activate", "false"),
        ("accept", "permissions"),
        ("why", "so & so"),
    ]
    assert request.content == pack(read_bundle(tmp_path))


@pytest.mark.parametrize("code", ["archive_invalid", "archive_too_large", "archive_unsupported"])
async def test_an_archive_that_is_refused_is_an_invalid_project_with_its_entries(code: str, tmp_path: Path) -> None:
    source = remote(lambda _: problem(422, code=code, reasons=[REASON]))
    with pytest.raises(ArchiveInvalid) as raised:
        await source.deploy(tmp_path, {})
    assert (raised.value.code, raised.value.reasons[0].file, exit_code(raised.value)) == (code, "tools/a.py", INVALID)

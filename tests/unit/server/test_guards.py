"""Request ids, the last guard, host names, and how much may be sent."""

import logging
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from tests.unit.server.conftest import Door
from toolcrib.server.guards import MAX_BODY_BYTES, BodyLimit, KnownHosts, OuterGuard
from toolcrib.testing import CountingIds, FakeClock

pytestmark = pytest.mark.anyio


async def broken(scope: Scope, receive: Receive, send: Send) -> None:
    raise ValueError("a secret of the inside")


async def broken_late(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise ValueError("too late")


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    message = await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": message["body"]})


def guarded(app: object) -> httpx.AsyncClient:
    outer = OuterGuard(app, clock=FakeClock(), ids=CountingIds())  # type: ignore[arg-type]  # an ASGI application
    return httpx.AsyncClient(transport=httpx.ASGITransport(outer), base_url="http://localhost")


async def test_what_nobody_foresaw_is_a_500_with_an_id_that_stands_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with guarded(broken) as http:
        answer = await http.get("/x")
    told = answer.json()
    assert (answer.status_code, told["code"]) == (500, "internal_error")
    assert told["request_id"] == answer.headers["x-request-id"]
    assert "secret" not in answer.text
    record = next(record for record in caplog.records if record.message == "request failed")
    assert (vars(record)["request_id"], record.exc_info is not None) == (told["request_id"], True)


async def test_a_failure_behind_the_first_byte_cuts_the_answer_off() -> None:
    async with guarded(broken_late) as http:
        with pytest.raises(ValueError, match="too late"):
            await http.get("/x")


async def test_each_request_is_logged_once_without_its_body(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "toolcrib.server")
    async with guarded(echo) as http:
        await http.post("/x?token=hidden", content=b"hidden")
    (record,) = [record for record in caplog.records if record.name.startswith("toolcrib.server")]
    facts = vars(record)
    assert (facts["method"], facts["path"], facts["status"]) == ("POST", "/x", 200)
    assert "hidden" not in str(facts)


async def test_health_checks_do_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "toolcrib.server")
    async with guarded(echo) as http:
        await http.get("/ok")
    assert not [record for record in caplog.records if record.name.startswith("toolcrib.server")]


async def test_the_callers_request_id_comes_back_if_it_is_fit_for_a_log(reading: Door) -> None:
    own = await reading.http.get("/ok", headers={"x-request-id": "mine-1"})
    bad = await reading.http.get("/ok", headers={"x-request-id": "a b<script>"})
    long = await reading.http.get("/ok", headers={"x-request-id": "x" * 129})
    assert own.headers["x-request-id"] == "mine-1"
    ids = {bad.headers["x-request-id"], long.headers["x-request-id"]}
    assert len(ids) == 2
    assert all(len(ident) == 36 for ident in ids)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:2024", "127.0.0.1:1", "[::1]", "[::1]:2024"])
async def test_this_machines_own_names_are_answered_with_any_port(reading: Door, host: str) -> None:
    assert (await reading.http.get("/ok", headers={"host": host})).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:2024", "[x", "", "::1", "testserver"])
async def test_other_names_are_refused_so_that_dns_rebinding_fails(reading: Door, host: str) -> None:
    answer = await reading.http.get("/v1/tools", headers={"host": host})
    assert (answer.status_code, answer.json()["code"]) == (421, "unknown_host")
    assert "localhost" in answer.json()["hint"]
    assert answer.headers["x-request-id"]


async def test_a_name_that_was_given_is_answered() -> None:
    app = KnownHosts(echo, hosts=frozenset({"testserver"}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver") as http:
        assert (await http.get("/")).status_code == 200


async def chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(0, size, 1000):
        yield b"x" * 1000


async def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(reading: Door) -> None:
    told = await reading.http.post("/v1/rollback", content=b"x" * (MAX_BODY_BYTES + 1))
    untold = await reading.http.post("/v1/rollback", content=chunks(MAX_BODY_BYTES + 1000))
    lying = await reading.http.post("/v1/rollback", content=b"{}", headers={"content-length": "9" * 30})
    for answer in (told, untold, lying):
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_a_body_at_the_limit_arrives_whole() -> None:
    app = BodyLimit(echo, limit=5000)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
        assert len((await http.post("/", content=chunks(5000))).content) == 5000
        assert len((await http.post("/", content=b"")).content) == 0


async def test_browsers_of_other_origins_may_read_answers_and_failures(reading: Door) -> None:
    origin = {"origin": "https://smith.example"}
    for path in ("/v1/tools", "/v1/tools/none"):
        answer = await reading.http.get(path, headers=origin)
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "x-request-id" in answer.headers["access-control-expose-headers"]
    asked = {**origin, "access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    assert (await reading.http.options("/v1/rollback", headers=asked)).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost.evil.example:2024", "null", "file://"])
async def test_pages_of_other_origins_change_nothing(reading: Door, origin: str) -> None:
    answer = await reading.http.post("/v1/rollback", headers={"origin": origin})
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")
    assert "localhost" in answer.json()["hint"]


@pytest.mark.parametrize("origin", ["http://localhost:2024", "http://127.0.0.1:5173", "http://[::1]:1"])
async def test_pages_of_this_machine_may_call_tools(reading: Door, origin: str) -> None:
    call = {"args": {"name": "Ada"}}
    answer = await reading.http.post("/v1/tools/greet/calls", json=call, headers={"origin": origin})
    assert (answer.status_code, answer.json()["ok"]) == (200, True)

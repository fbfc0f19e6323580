"""Every failure is a problem document (RFC 9457)."""

import pytest
from fastapi import Request

from tests.unit.server.conftest import Door
from toolcrib.core import errors
from toolcrib.core.errors import ToolcribError
from toolcrib.core.reasons import Reason
from toolcrib.server.problems import problem, status_of

pytestmark = pytest.mark.anyio
MEMBERS = {"type", "title", "status", "detail", "code", "hint", "retryable", "instance"}
CALLS = "/v1/tools/greet/calls"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "http_404"),
        ("PUT", "/v1/tools", 405, "http_405"),
        ("GET", "/v1/tools/none", 404, "tool_not_found"),
        ("GET", "/v1/agents/none", 404, "agent_not_found"),
        ("GET", "/v1/releases/r-none", 404, "release_not_found"),
        ("POST", "/v1/releases/r-none/activate", 404, "release_not_found"),
        ("GET", "/v1/releases/r-none/diff/r-other", 404, "release_not_found"),
        ("POST", "/v1/rollback", 404, "release_not_found"),
        ("GET", "/v1/ledger?limit=0", 422, "request_invalid"),
        ("POST", CALLS, 422, "arguments_invalid"),
    ],
)
async def test_every_failure_has_all_members_of_a_problem(
    reading: Door, method: str, path: str, status: int, code: str
) -> None:
    answer = await reading.http.request(method, path)
    told = answer.json()
    assert (answer.status_code, told["status"], told["code"]) == (status, status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(told) >= MEMBERS
    assert told["type"] == f"urn:toolcrib:error:{code}"
    assert told["instance"] == path.partition("?")[0]
    assert told["hint"]


async def test_a_method_that_is_not_allowed_names_the_ones_that_are(reading: Door) -> None:
    answer = await reading.http.put("/v1/tools")
    assert answer.headers["allow"] == "GET"


async def test_broken_json_is_a_400_with_line_and_column(reading: Door) -> None:
    answer = await reading.http.post(
        CALLS, content='{"args":\n {"name" 1}}', headers={"content-type": "application/json"}
    )
    told = answer.json()
    assert (answer.status_code, told["code"]) == (400, "json_invalid")
    assert (told["line"], told["column"]) == (2, 10)
    assert "line 2, column 10" in told["detail"]


@pytest.mark.parametrize("body", [b"\xff\xfe{}", b"[" * 200_000])
async def test_bytes_that_no_reader_understands_are_a_400(reading: Door, body: bytes) -> None:
    answer = await reading.http.post(CALLS, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_body_of_another_kind_is_told_which_header_is_missing(reading: Door) -> None:
    answer = await reading.http.post(CALLS, content='{"args": {}}', headers={"content-type": "text/plain"})
    assert answer.status_code == 422
    assert "content-type: application/json" in answer.json()["hint"]


async def test_every_wrong_field_is_named(reading: Door) -> None:
    answer = await reading.http.post(CALLS, json={"args": [], "tenant": 5, "more": 1})
    assert [each["field"] for each in answer.json()["errors"]] == ["args", "tenant", "more"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"args": 3}, "args must be an object"),
        ([], "body must be an object"),
        ({"tenant": 5, "more": 1}, "tenant must be text; more is no field of this request"),
        ({"timeout_s": "soon"}, "timeout_s must be a number"),
        ({"timeout_s": 0}, "timeout_s must be greater than 0"),
    ],
)
async def test_a_wrong_field_is_told_in_terms_of_json(reading: Door, body: object, told: str) -> None:
    assert (await reading.http.post(CALLS, json=body)).json()["detail"] == told


async def test_the_path_of_a_problem_is_a_uri(reading: Door) -> None:
    answer = await reading.http.get("/v1/tools/a b%22\u00e9")
    assert answer.json()["instance"] == "/v1/tools/a%20b%22%C3%A9"


async def test_texts_that_strict_encoders_refuse_are_still_written() -> None:
    request = Request({"type": "http", "path": "/x", "headers": [], "method": "GET"})
    answer = problem(request, status_of(ToolcribError("x")), code="c", detail="half \ud800")
    assert b"\\ud800" in bytes(answer.body)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.ToolNotFound("x"), 404),
        (errors.AgentNotFound("x"), 404),
        (errors.ReleaseNotFound("x"), 404),
        (errors.ThreadBusy("x"), 409),
        (errors.GenerationConflict("x"), 409),
        (errors.ResumeRefused("x"), 409),
        (errors.ArgumentsInvalid("x"), 422),
        (errors.InputInvalid("x"), 422),
        (errors.ProjectInvalid("x"), 422),
        (errors.DeploymentRejected("x", reasons=[Reason(code="c", message="m")]), 422),
        (errors.ModelUnavailable("x"), 503),
        (errors.RunnerSaturated("x"), 503),
        (errors.DeadlineExceeded("x"), 504),
        (errors.RunTimeout("x"), 504),
        (errors.RunFailed("x"), 500),
        (errors.ToolcribError("x"), 500),
    ],
)
def test_each_error_has_its_status(error: ToolcribError, status: int) -> None:
    assert status_of(error) == status

"""Errors as `application/problem+json` (RFC 9457): one mapping from our errors to statuses, and other failures too."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from math import ceil
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from toolcrib.core.errors import (
    ArchiveTooLarge,
    ArchiveUnsupported,
    ArgumentsInvalid,
    CallFailed,
    CircuitOpen,
    Conflict,
    DeadlineExceeded,
    InputInvalid,
    ModelUnavailable,
    NotFound,
    ProjectInvalid,
    QueueFull,
    RateLimited,
    ReleaseNotFound,
    ResumeRefused,
    RunnerSaturated,
    RunTimeout,
    StoreUnavailable,
    ToolcribError,
)
from toolcrib.server.encoding import encode

MEDIA_TYPE = "application/problem+json"
JSON_HINT = "Send a JSON object with the header `content-type: application/json`."
_IN_JSON = MappingProxyType(
    {
        "missing": "is required",
        "extra_forbidden": "is no field of this request",
        **{kind: "must be an object" for kind in ("dict_type", "model_type", "model_attributes_type")},
        **{kind: "must be a number" for kind in ("float_type", "float_parsing")},
        **{kind: "must be a whole number" for kind in ("int_type", "int_parsing", "int_from_float")},
        **{kind: "must be true or false" for kind in ("bool_type", "bool_parsing")},
        "string_type": "must be text",
        "list_type": "must be an array",
    }
)
"""Pydantic's mistakes in terms of JSON; what is not here it words well enough itself."""


class ProblemResponse(JSONResponse):
    """JSON with the media type of problems."""

    media_type = MEDIA_TYPE

    def render(self, content: Any) -> bytes:
        """The document's bytes; texts from clients may hold what strict encoders refuse."""
        return encode(content)


def status_of(error: ToolcribError) -> HTTPStatus:
    """The HTTP status of one of our errors."""
    match error:
        case NotFound():
            return HTTPStatus.NOT_FOUND
        case ArchiveTooLarge():
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        case ArchiveUnsupported():
            return HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        case ResumeRefused() | Conflict():
            return HTTPStatus.CONFLICT
        case ProjectInvalid() | ArgumentsInvalid() | InputInvalid():
            return HTTPStatus.UNPROCESSABLE_ENTITY
        case RateLimited():
            return HTTPStatus.TOO_MANY_REQUESTS
        case ModelUnavailable() | RunnerSaturated() | QueueFull() | CircuitOpen() | StoreUnavailable():
            return HTTPStatus.SERVICE_UNAVAILABLE
        case DeadlineExceeded() | RunTimeout():
            return HTTPStatus.GATEWAY_TIMEOUT
        case _:
            return HTTPStatus.INTERNAL_SERVER_ERROR


def problem(
    request: Request,
    status: HTTPStatus,
    *,
    code: str,
    detail: str,
    hint: str = "",
    retryable: bool = False,
    extra: Mapping[str, Any] | None = None,
) -> ProblemResponse:
    """A problem document.

    Args:
        request: what was asked for; its path is the `instance`.
        status: the HTTP status.
        code: our error code; `type` is `urn:toolcrib:error:<code>`.
        detail: what happened.
        hint: what to do about it.
        retryable: whether the same request may succeed later.
        extra: further members.
    """
    body: dict[str, Any] = {
        "type": f"urn:toolcrib:error:{code}",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "code": code,
        "hint": hint,
        "retryable": retryable,
        "instance": quote(request.scope["path"]),
        **(extra or {}),
    }
    return ProblemResponse(body, status_code=status.value)


def install(app: FastAPI) -> None:
    """Make every foreseen failure of the application a problem document; `OuterGuard` takes the others."""
    app.add_exception_handler(ToolcribError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


async def _ours(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, ToolcribError)
    extra = {"reasons": [reason.to_dict() for reason in error.reasons]} if isinstance(error, ProjectInvalid) else {}
    idle = _nothing_serves(request, error)
    answer = problem(
        request,
        HTTPStatus.SERVICE_UNAVAILABLE if idle else status_of(error),
        code=error.code,
        detail=error.message,
        hint=error.hint,
        retryable=error.retryable or idle,
        extra=extra,
    )
    if isinstance(error, CallFailed) and error.retry_after_s is not None:
        answer.headers["retry-after"] = str(max(1, ceil(error.retry_after_s)))  # whole seconds: RFC 9110, 10.2.3
    return answer


def _nothing_serves(request: Request, error: ToolcribError) -> bool:
    """Whether the project has no release at all: then the server is not ready, and nothing is missing by name."""
    return isinstance(error, ReleaseNotFound) and request.app.state.crib.generation == 0


async def _invalid(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, RequestValidationError)
    mistakes = error.errors()
    if mistakes[0]["type"] == "json_invalid":
        return await _no_json(request)
    fields = [{"field": _field(mistake["loc"]), "message": _in_words(mistake)} for mistake in mistakes]
    typed = request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"
    return problem(
        request,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        code="request_invalid",
        detail="; ".join(f"{each['field']} {each['message']}" for each in fields),
        hint="/docs shows what is expected." if typed or request.method == "GET" else JSON_HINT,
        extra={"errors": fields},
    )


def _in_words(mistake: Mapping[str, Any]) -> str:
    """What is wrong, in terms of JSON, as the end of a sentence that begins with the field's name."""
    words = str(mistake["msg"])
    known = _IN_JSON.get(mistake["type"]) or words.replace("Input should", "must").replace(
        "must be a valid", "must be a"
    )
    return known if known[:1].islower() else f"is wrong: {words}"


async def _no_json(request: Request) -> ProblemResponse:
    """A body that is no JSON: say where."""
    place: dict[str, Any] = {}
    words = "."
    try:
        json.loads((await request.body()).decode("utf-8", "replace"))
    except json.JSONDecodeError as error:
        place = {"line": error.lineno, "column": error.colno}
        words = f": {error.msg} at line {error.lineno}, column {error.colno}."
    return problem(
        request,
        HTTPStatus.BAD_REQUEST,
        code="json_invalid",
        detail=f"The body is no JSON{words}",
        hint=JSON_HINT,
        extra=place,
    )


async def _http(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    hints = {404: "GET /openapi.json lists all routes.", 405: "See the `allow` header."}
    answer = problem(
        request, status, code=f"http_{status.value}", detail=str(error.detail), hint=hints.get(status.value, "")
    )
    answer.headers.update(error.headers or {})
    return answer


def _field(location: tuple[Any, ...]) -> str:
    return ".".join(str(part) for part in location if part != "body") or "body"

"""What /openapi.json says beyond the routes: every failure is a problem document, with its own media type."""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI

from toolcrib.server.problems import MEDIA_TYPE
from toolcrib.server.schema.documents import ProblemDocument
from toolcrib.server.sse import MEDIA_TYPE as EVENTS

Document = dict[str, Any]
Responses = dict[int | str, Document]


def failures(told: Mapping[int, str]) -> Responses:
    """The `responses` of a route: status -> when it comes, each a problem document."""
    return {status: {"model": ProblemDocument, "description": words} for status, words in told.items()}


def stream(words: str) -> Responses:
    """The `responses` of a route that may answer with server-sent events."""
    return {200: {"content": {EVENTS: {"schema": {"type": "string"}}}, "description": words}}


def describe(app: FastAPI) -> None:
    """Let the application's OpenAPI document tell its failures as they are."""
    app.openapi = _corrected(app.openapi)  # type: ignore[method-assign]  # FastAPI's documented way to extend it


def _corrected(make: Callable[[], Document]) -> Callable[[], Document]:
    def openapi() -> Document:
        document = make()
        for path in document["paths"].values():
            for operation in path.values():
                _correct(operation["responses"])
        for unused in ("HTTPValidationError", "ValidationError"):
            document["components"]["schemas"].pop(unused, None)
        return document

    return openapi


def _correct(responses: Document) -> None:
    """Failures come as problem documents, also FastAPI's own 422; a `/readyz` that says no is an answer, and stays."""
    for response in responses.values():
        schema = response.get("content", {}).get("application/json", {}).get("schema", {})
        if schema.get("$ref", "").rpartition("/")[2] in ("ProblemDocument", "HTTPValidationError"):
            response["content"] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}

"""What a failure of a model means, by its type and its status alone."""

from types import SimpleNamespace
from typing import Any

import httpx
import httpx2
import openai
import pytest
from langchain_core.exceptions import ContextOverflowError, ModelAPIError, ModelAuthenticationError
from langgraph.errors import GraphBubbleUp

from toolcrib.agents.models.failures import StreamBroken, fate_of, in_words, key_refused, retry_after_s, status_of
from toolcrib.core.errors import ModelUnavailable, ToolcribError

OPENAI = httpx2.Request("POST", "http://127.0.0.1/")  # its package has left httpx
REQUEST = httpx.Request("POST", "http://127.0.0.1/")


class Foreign(Exception):
    """Of a package nobody knows."""

    def __init__(self, **facts: Any) -> None:
        super().__init__("no")
        for name, value in facts.items():
            setattr(self, name, value)


def refused(status: int, **headers: str) -> httpx.HTTPStatusError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = httpx.Response(status, headers=named, request=REQUEST)
    return httpx.HTTPStatusError("no", request=REQUEST, response=response)


@pytest.mark.parametrize(
    ("error", "fate"),
    [
        *((refused(status), "again") for status in (408, 409, 429, 500, 503, 529)),
        *((refused(status), "next") for status in (401, 402, 403, 404)),
        *((refused(status), "stop") for status in (400, 413, 422)),
        (openai.APIConnectionError(request=OPENAI), "again"),
        (openai.APITimeoutError(request=OPENAI), "again"),
        (openai.APIError("in the stream", request=OPENAI, body=None), "again"),
        (httpx2.ReadError("closed"), "again"),
        (httpx.RemoteProtocolError("closed"), "again"),
        (StreamBroken("cut"), "again"),
        (TimeoutError(), "again"),
        (ModelAPIError("down"), "again"),
        (ModelAuthenticationError("key"), "next"),
        (ContextOverflowError("long"), "stop"),
        (ModelUnavailable("no key"), "next"),
        (ToolcribError("ours"), "stop"),
        (GraphBubbleUp(), "stop"),
        (ValueError("who knows"), "next"),
        (Foreign(response={"ResponseMetadata": {"HTTPStatusCode": 429}}), "again"),
        (Foreign(code=503), "again"),
        (Foreign(code="rate_limited"), "next"),
    ],
)
def test_a_failure_is_repeated_left_or_final(error: Exception, fate: str) -> None:
    assert fate_of(error) == fate


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "0.5"}, 0.5),
        ({"retry_after_ms": "250", "retry_after": "7"}, 0.25),
        ({"retry_after": "Tue, 14 Nov 2023 22:13:30 GMT"}, 10.0),
        ({"retry_after": "Tue, 14 Nov 2000 22:13:30 GMT"}, 0.0),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "-3"}, None),
        ({}, None),
    ],
)
def test_what_the_provider_asks_for_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(refused(429, **headers), now=1_700_000_000.0) == seconds


def test_errors_without_an_answer_ask_for_nothing() -> None:
    assert retry_after_s(ValueError(), now=0.0) is None
    assert retry_after_s(Foreign(response=SimpleNamespace(headers=None)), now=0.0) is None
    assert status_of(Foreign(status_code=12)) is None


def test_a_failure_is_told_in_one_line() -> None:
    assert in_words(refused(429)) == "HTTPStatusError (429): no"
    assert in_words(ValueError("a\nb")) == "ValueError: a"
    assert in_words(TimeoutError()) == "TimeoutError"
    assert (key_refused(refused(401)), key_refused(refused(404))) == (True, False)

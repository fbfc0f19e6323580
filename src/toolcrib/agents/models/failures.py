"""Failures of models: whether to ask again, to ask the next one, or to give up; told by type and status alone.

No provider's package is imported: they are known by the names of their types, those of LangChain's `ModelError` among
them, and by what hangs on their exceptions (https://github.com/openai/openai-python#handling-errors,
https://www.python-httpx.org/exceptions/).
"""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from toolcrib.core.errors import ModelUnavailable, ToolcribError
from toolcrib.core.policies.recovery import names_of
from toolcrib.core.results import said
from toolcrib.execution.bubbling import is_bubble_up

Fate = Literal["again", "next", "stop"]
"""Ask the same model again, go on to the next one, or give up: no other model would do better."""

_AGAIN = frozenset({408, 409, 425, 429})
_STOP = frozenset({400, 413, 422})
_PASSING = frozenset(
    {
        "APIConnectionError",
        "APITimeoutError",
        "ChunkedEncodingError",
        "ClientConnectionError",
        "ClientPayloadError",
        "ConnectTimeout",
        "ConnectionError",
        "DeadlineExceeded",
        "InternalServerError",
        "OverloadedError",
        "RateLimitError",
        "ResourceExhausted",
        "ServiceUnavailable",
        "ThrottlingException",
        "TimeoutError",
        "TooManyRequests",
        "TransportError",
    }
)
_WRONG = frozenset({"ContextOverflowError", "ModelInvalidRequestError"})
_REFUSED = frozenset({401, 403})


class StreamBroken(ConnectionError):
    """A streamed answer ended before the model had finished it."""


def fate_of(error: Exception) -> Fate:
    """What to do about what an attempt raised."""
    if is_bubble_up(error) or (isinstance(error, ToolcribError) and not isinstance(error, ModelUnavailable)):
        return "stop"
    names = names_of(error)
    if not _WRONG.isdisjoint(names):
        return "stop"
    status = status_of(error)
    if status is not None:
        if status in _STOP:
            return "stop"
        return "again" if status in _AGAIN or status >= 500 else "next"
    # `APIError` itself, no subclass of it, is what a stream of events says in its middle
    passing = getattr(error, "is_retryable", False) is True or type(error).__name__ == "APIError"
    return "again" if passing or not _PASSING.isdisjoint(names) else "next"


def key_refused(error: Exception) -> bool:
    """Whether the provider does not know the key, or does not allow it this."""
    return status_of(error) in _REFUSED


def status_of(error: BaseException) -> int | None:
    """The HTTP status of the answer that was no answer."""
    response = getattr(error, "response", None)
    said = [getattr(error, "status_code", None), getattr(response, "status_code", None), getattr(error, "code", None)]
    if isinstance(response, Mapping):  # botocore
        said.append(response.get("ResponseMetadata", {}).get("HTTPStatusCode"))
    return next((one for one in said if isinstance(one, int) and 100 <= one <= 599), None)


def retry_after_s(error: BaseException, *, now: float) -> float | None:
    """Seconds after which the provider wants to be asked again (RFC 9110, 10.2.3); None when it does not say.

    Args:
        error: what the attempt raised.
        now: Unix time.
    """
    headers: Any = getattr(getattr(error, "response", None), "headers", None)
    if not hasattr(headers, "get"):
        return None
    if (wait := _seconds(headers.get("retry-after-ms"))) is not None:
        return wait / 1000.0
    written = headers.get("retry-after")
    if (wait := _seconds(written)) is not None:
        return wait
    try:
        return max(0.0, parsedate_to_datetime(str(written)).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None


def in_words(error: Exception) -> str:
    """The failure in one line: type, status, and what the provider says."""
    status = status_of(error)
    name = type(error).__name__ + (f" ({status})" if status else "")
    lines = (said(error).strip() or "").splitlines()
    return f"{name}: {lines[0][:300]}" if lines else name


def _seconds(written: Any) -> float | None:
    """A number of seconds as a header has it."""
    text = str(written).strip()
    return float(text) if re.fullmatch(r"\d{1,9}(\.\d{1,6})?", text) else None

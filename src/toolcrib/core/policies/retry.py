"""Retry: what may be repeated, how often, and how long to wait."""

import re
from collections.abc import Callable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_serializer, field_validator

from toolcrib.core.policies.recovery import names_of
from toolcrib.core.policies.units import Seconds


class Retry(BaseModel):
    """Repeat a failed call, with exponential backoff and full jitter.

    Applies to tools whose `side_effect` is `none`, `read` or `idempotent`, and to failures before the tool's code ran.
    The waits follow https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ (full jitter).

    Attributes:
        attempts: how often the tool may run in all, the first time included.
        base_s: upper bound of the first wait; doubles with each further one.
        cap_s: no wait is longer, unless the tool itself asked for it (`retry_after_s`).
        retry_on: exception types worth a second try, as classes or as names (`ConnectionError`, `httpx.ConnectError`);
            errors that call themselves retryable always are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    attempts: Annotated[int, Field(ge=1, le=20)] = 3
    base_s: Seconds = 0.1
    cap_s: Seconds = 10.0
    retry_on: tuple[type[Exception] | str, ...] = (ConnectionError, TimeoutError)

    @field_validator("retry_on")
    @classmethod
    def _names_look_like_names(cls, value: tuple[type[Exception] | str, ...]) -> tuple[type[Exception] | str, ...]:
        for entry in value:
            if isinstance(entry, str) and not re.fullmatch(r"[A-Za-z_][\w.]*", entry):
                raise ValueError(f"{entry!r} is not the name of an exception type, e.g. ConnectionError")
        return value

    @field_serializer("retry_on")
    def _as_names(self, value: tuple[type[Exception] | str, ...]) -> tuple[str, ...]:
        return tuple(entry if isinstance(entry, str) else entry.__name__ for entry in value)

    def wants(self, error: BaseException) -> bool:
        """Whether `error` is of a type named in `retry_on`."""
        return any(
            entry in names_of(error) if isinstance(entry, str) else isinstance(error, entry) for entry in self.retry_on
        )


def full_jitter(attempt: int, *, base_s: float, cap_s: float, uniform: Callable[[float, float], float]) -> float:
    """Seconds to wait after this attempt, the first one being 1: any below a bound that doubles up to `cap_s`."""
    return uniform(0.0, min(cap_s, base_s * 2.0 ** (attempt - 1)))

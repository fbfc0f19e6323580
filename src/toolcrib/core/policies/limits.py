"""Limits: how many calls in a time, and how many at once."""

import re
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from toolcrib.core.policies.units import Count, Seconds

_PERIODS = MappingProxyType({"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86_400.0})
_RATE = re.compile(r"\s*(\d{1,7})\s*/\s*(second|minute|hour|day)\s*")


class RateLimit(BaseModel):
    """At most so many calls in a time, evenly replenished (GCRA, a token bucket without a timer).

    `100/minute`, as text, is 100 calls a minute with bursts of up to 100.

    Attributes:
        calls: how many.
        per_s: in how many seconds.
        burst: how many may come at once; None allows `calls`.
        by: who shares the limit: all callers of the `tool`, or each `tenant`, or each API `key`, has its own.
        excess: what happens to a call above the limit: it may `wait`, as long as its deadline allows, or is
            `reject`ed at once, with the time to wait.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    calls: Count = 60
    per_s: Seconds = 60.0
    burst: Count | None = None
    by: Literal["tool", "tenant", "key"] = "tool"
    excess: Literal["wait", "reject"] = "wait"

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if match := _RATE.fullmatch(value):
            return {"calls": int(match[1]), "per_s": _PERIODS[match[2]]}
        raise ValueError(f"{value[:40]!r} is no rate, e.g. 100/minute (second, minute, hour, day)")


class Concurrency(BaseModel):
    """At most so many calls at once; further ones wait by priority, then by age. A number alone is `limit`.

    Attributes:
        limit: how many at once; the upper bound when `adaptive`.
        by: who shares the limit: all callers of the `tool`, or each `tenant` has its own.
        queue: how many may wait; one more is refused with the time to wait.
        adaptive: find the limit below `limit` by latency: one more while calls are quick, fewer when they slow down.
        tolerance: a call this many times slower than usual is taken for a sign of overload.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: Count = 16
    by: Literal["tool", "tenant"] = "tool"
    queue: Annotated[int, Field(ge=0, le=1_000_000)] = 100
    adaptive: bool = False
    tolerance: Annotated[float, Field(gt=1, le=100)] = 2.0

    @model_validator(mode="before")
    @classmethod
    def _from_number(cls, value: Any) -> Any:
        return {"limit": value} if isinstance(value, int) and not isinstance(value, bool) else value

"""Breaker: stop calling what keeps failing."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from toolcrib.core.policies.units import Count, Rate, Seconds


class Breaker(BaseModel):
    """Stop calling a tool that keeps failing, and try it again after a while.

    Semantics of https://resilience4j.readme.io/docs/circuitbreaker: closed, open after too many failures in a sliding
    window, half-open after `open_s` with a bounded number of probes. Each tool version, tenant and credential has a
    breaker of its own. Wrong arguments, and errors a tool raises on purpose (`ToolError` that is not retryable), are
    answers, not failures.

    Attributes:
        failure_rate: share of failed calls in the window, above 0 to 1, at which it opens.
        slow_s: a call that takes longer counts as slow; None counts none.
        slow_rate: share of slow calls at which it opens.
        window_s: seconds the window looks back.
        window_calls: calls the window looks back at most.
        min_calls: with fewer calls in the window it never opens.
        open_s: seconds it stays open before it lets probes through.
        probes: calls let through while half-open; all of them must succeed for it to close.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    failure_rate: Rate = 0.5
    slow_s: Seconds | None = None
    slow_rate: Rate = 1.0
    window_s: Seconds = 60.0
    window_calls: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    min_calls: Count = 10
    open_s: Seconds = 30.0
    probes: Count = 3

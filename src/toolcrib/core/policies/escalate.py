"""Escalate: errors that pile up are worse than one."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from toolcrib.core.policies.units import Seconds


class Escalate(BaseModel):
    """Take the failures of a tool for worse when many come in a short time.

    An episode begins with the failure that makes `after` of them within `window_s`, and ends when for `window_s` it was
    never so. In it a failure's severity is one step higher (LOW, MEDIUM, HIGH, CRITICAL). The failures of each tool
    version and tenant count together; wrong arguments, refusals before the tool was reached, and errors a tool raises
    on purpose (`ToolError` that is not retryable) are answers, not failures.

    Attributes:
        after: how many failures begin an episode.
        window_s: seconds within which they come.
        then: in an episode the strategy for failures, before what `on_error` says; None leaves that as it is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    after: Annotated[int, Field(ge=1, le=1_000)] = 5
    window_s: Seconds = 60.0
    then: Literal["fallback", "skip", "abort", "manual"] | None = None

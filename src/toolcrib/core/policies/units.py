"""Units and choices that several policies share."""

from typing import Annotated, Literal

from pydantic import Field

SideEffect = Literal["none", "read", "idempotent", "write"]
Isolation = Literal["auto", "inline", "thread", "process"]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Rate = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]

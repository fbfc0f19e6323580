"""Output: how much of a result goes on to the model."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Output(BaseModel):
    """Bound the size of a result.

    Attributes:
        max_chars: characters of the result as text; of a longer one the beginning is kept, with a note of what is
            missing.
        excess: what becomes of a longer result: the rest is `cut` off, or the whole is kept in the `store` for
            artifacts, and the note says under which handle.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_chars: Annotated[int, Field(ge=100, le=100_000_000)] = 20_000
    excess: Literal["cut", "store"] = "cut"

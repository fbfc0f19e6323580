"""Output: how much of a result goes on to the model."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Output(BaseModel):
    """Bound the size of a result.

    Attributes:
        max_chars: characters of the result as text; what is longer is cut or stored.
        excess: `truncate` keeps the beginning with a note of what is missing; `artifact` stores the whole and gives the
            beginning with a handle, to be read on with the tool `read_artifact`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_chars: Annotated[int, Field(ge=100, le=100_000_000)] = 20_000
    excess: Literal["truncate", "artifact"] = "truncate"

"""The shapes of drains, of who uses which release, and of collections in requests and answers."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from toolcrib.core.releases import ReleaseState
from toolcrib.server.schema.channel import Words


class DrainRequest(BaseModel):
    """How a release is to leave memory; without anything only if nobody uses it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"deadline_s": 60, "cooperative": True}})

    deadline_s: Annotated[float, Field(ge=0, le=3_600, allow_inf_nan=False)] = Field(
        default=0.0, description="Seconds to wait for its users."
    )
    cooperative: bool = Field(default=False, description="Ask its runs to stop before their next step.")
    hard: bool = Field(default=False, description="After the deadline cut the runs and tasks that are left.")
    why: Words = ""


class StoppedDocument(BaseModel):
    """A run or a task that a drain ended; a `drained` run can go on."""

    kind: Literal["run", "task"]
    id: str
    what: str = Field(description="The agent or the tool.")
    became: Literal["drained", "cut"]
    thread_id: str
    tenant: str


class DrainDocument(BaseModel):
    """What became of a drain, with all that was stopped for it."""

    state: Literal["retired", "drained", "absent"] = Field(
        description="`drained`: it leaves memory when its last thread has ended; `absent`: it was not in memory."
    )
    release: str
    stopped: list[StoppedDocument]
    seconds: float


class UseDocument(BaseModel):
    """Who uses a release: leases in this process; threads by their last run, of all processes."""

    release: str
    digest: str
    state: ReleaseState
    serves: bool
    in_memory: bool
    leases: dict[str, int]
    oldest_s: float | None = Field(description="How long the oldest lease has lasted, seconds.")
    running: int
    parked: int = Field(description="Threads that wait for a human.")
    stopped: int = Field(description="Threads with a run that was stopped and can go on.")


class CollectRequest(BaseModel):
    """Which releases' files are to be removed."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"keep": 20, "dry_run": False}})

    keep: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None, description="Keep so many that were used last; by default the setting `releases.keep`."
    )
    dry_run: bool = Field(default=True, description="Only say which these are.")


class CollectDocument(BaseModel):
    """What was removed, or would be."""

    releases: list[str]
    freed_bytes: int
    kept: int
    dry_run: bool

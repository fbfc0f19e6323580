"""The shapes of threads and their moves in requests and answers."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from toolcrib.core.stores.pins import RunStatus
from toolcrib.server.schema.documents import Name


class _Meant(BaseModel):
    """Which threads are meant; what is not given says nothing."""

    model_config = ConfigDict(extra="forbid")

    thread_id: Name = ""
    agent: Name = ""
    tenant: Name | None = Field(default=None, description="Empty for threads without one.")
    release: Name = Field(default="", description="Threads that go on with this one.")
    status: Annotated[RunStatus | Literal[""], Field(description="Of the thread's last run.")] = ""


class ThreadQuery(_Meant):
    """Which threads are to be listed."""

    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class MoveRequest(_Meant):
    """Which threads are to go on with the release `to`."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"to": "r-1a2b3c4d", "agent": "support"}})

    to: Name
    dry_run: bool = Field(default=True, description="Only say what would become of them.")


class MigrateRequest(_Meant):
    """Which threads are to be brought to the release `to`, with what is saved of them."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"agent": "support", "dry_run": False}})

    to: Name = Field(default="", description="The release that serves, when not given.")
    dry_run: bool = Field(default=True, description="Only say what would become of them.")


class MoveDocument(BaseModel):
    """What becomes, or would become, of one thread; `problem` says why it stays."""

    thread_id: str
    tenant: str
    agent: str
    status: str
    source: str
    target: str
    moved: bool
    through: list[str] = Field(
        description="Revisions its state goes through; those that are undone begin with a minus."
    )
    problem: str

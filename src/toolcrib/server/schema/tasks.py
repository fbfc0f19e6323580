"""The shapes of background tasks in requests and answers."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from toolcrib.core.policies import Seconds
from toolcrib.core.tasks import TaskState
from toolcrib.server.schema import examples
from toolcrib.server.schema.documents import Name, ToolResultDocument

MAX_BATCH = 1_000
PRIORITY_DESCRIPTION = "Of waiting tasks the one with the higher number begins first."
TTL_DESCRIPTION = "Seconds the task is kept after its end; by default the setting `tasks.ttl_s`."


class TaskCall(BaseModel):
    """A tool call of a batch."""

    model_config = ConfigDict(extra="forbid")

    tool: Name = Field(description="The tool's name.")
    args: dict[str, Any] = Field(default_factory=dict, description="Argument name -> JSON value.")


class TaskRequest(BaseModel):
    """A tool call for the background."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": dict(examples.TASK_REQUEST)})

    tool: Name = Field(description="The tool's name.")
    args: dict[str, Any] = Field(default_factory=dict, description="Argument name -> JSON value.")
    tenant: Name = Field(default="", description="On whose behalf.")
    priority: int = Field(default=0, ge=-1_000, le=1_000, description=PRIORITY_DESCRIPTION)
    key: Name = Field(default="", description="Idempotency key: the same key of a tenant is the same task.")
    ttl_s: Seconds | None = Field(default=None, description=TTL_DESCRIPTION)


class BatchRequest(BaseModel):
    """Tool calls for the background; all are kept, or none."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": dict(examples.BATCH_REQUEST)})

    calls: list[TaskCall] = Field(min_length=1, max_length=MAX_BATCH)
    tenant: Name = Field(default="", description="On whose behalf.")
    priority: int = Field(default=0, ge=-1_000, le=1_000, description=PRIORITY_DESCRIPTION)
    key: Name = Field(default="", description="Idempotency key of the batch: the same key gives the same tasks.")
    ttl_s: Seconds | None = Field(default=None, description=TTL_DESCRIPTION)
    stop_on_failure: bool = Field(default=False, description="When a task fails, skip those that have not begun.")


class BatchDocument(BaseModel):
    """The batch's id, and its tasks' in the order of the calls."""

    batch: str
    tasks: list[str]


class TaskEntry(BaseModel):
    """A background task, without its arguments and its result."""

    model_config = ConfigDict(extra="allow")

    id: str
    tool: str
    tenant: str
    key: str
    priority: int
    state: TaskState
    progress: float = Field(description="0 to 1, as the tool told.")
    message: str
    release: str = Field(description="Id of the release that runs it; empty before it has begun.")
    created_at: float
    started_at: float | None
    finished_at: float | None
    error: str
    ttl_s: float
    expires_at: float | None
    batch: str
    stop_on_failure: bool
    callback_error: str
    cancel_asked: bool
    starts: int = Field(description="How often it was begun.")
    crashes: int = Field(description="How often its process died under it.")
    repeatable: bool


class TaskDocument(TaskEntry):
    """A background task; `result` is there when its call came to one."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"example": dict(examples.TASK)})

    args: dict[str, Any]
    result: ToolResultDocument | None

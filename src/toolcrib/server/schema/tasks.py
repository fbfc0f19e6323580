"""The shapes of background tasks in requests and answers."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from toolcrib.core.policies import Seconds
from toolcrib.core.tasks import Decision, TaskState
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


class ResolveRequest(BaseModel):
    """What a person decides about a task that waits."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": dict(examples.RESOLVE_REQUEST)})

    decision: Decision = Field(description="Run it again, take `value` for its result, go on without it, let it fail.")
    value: Any = Field(default=None, description="The result it should have had, with the decision `answer`.")

    @model_validator(mode="after")
    def _has_a_value_for_an_answer(self) -> "ResolveRequest":
        if (self.decision == "answer") is not ("value" in self.model_fields_set):
            raise ValueError("give `value` with the decision `answer`, and with no other one")
        return self


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
    call_key: str = Field(description="Idempotency key of a direct call that waits as this task.")
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
    """A background task; `result` is there when its call came to one, also to a failure that waits for a person."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"example": dict(examples.TASK)})

    args: dict[str, Any]
    result: ToolResultDocument | None

"""The shapes of requests and answers, for OpenAPI and for validation; fields added later pass through in answers."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from toolcrib.core.policies import Seconds
from toolcrib.core.releases import DeploymentState, ReleaseState
from toolcrib.server.schema import examples


def _a_name(text: str) -> str:
    """Names are stored and compared: no control characters, no half characters."""
    if not text.isprintable():
        raise ValueError("must hold printable characters only")
    return text


Name = Annotated[str, Field(max_length=200), AfterValidator(_a_name)]


class ToolCallRequest(BaseModel):
    """A tool call."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"args": {"order_id": "A-42"}}})

    args: dict[str, Any] = Field(default_factory=dict, description="Argument name -> JSON value.")
    tenant: Name = Field(default="", description="On whose behalf.")
    timeout_s: Seconds | None = Field(default=None, description="Seconds for this call, below the tool's own limit.")


class RunRequestBody(BaseModel):
    """A run of an agent: a question, an input state for a graph, or the answer a paused run waits for."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"question": "Where is order A-42?"}})

    question: str | None = Field(default=None, description="What to ask.")
    input: list[Any] | dict[str, Any] | str | None = Field(
        default=None, description="The input state of a graph, or a list of messages."
    )
    thread_id: Name = Field(default="", description="Continue this conversation; a new one is made when empty.")
    tenant: Name = Field(default="", description="On whose behalf; part of the thread's identity.")
    resume: Any = Field(default=None, description="The human's answer for the run that waits on the thread.")
    stream: bool = Field(default=False, description="Answer with server-sent events.")

    @model_validator(mode="after")
    def _asks_one_thing(self) -> "RunRequestBody":
        given = [value for value in (self.question, self.input, self.resume) if value is not None]
        if len(given) != 1:
            raise ValueError("give one of `question`, `input` and `resume`")
        return self

    @property
    def asked(self) -> dict[str, Any]:
        """Arguments of `Crib.run` and `Crib.stream`."""
        question = self.input if self.question is None else self.question
        return {"question": question, "thread_id": self.thread_id, "tenant": self.tenant, "resume": self.resume}


class RollbackRequest(BaseModel):
    """Which release to go back to."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"release": examples.RELEASE}})

    release: str | None = Field(default=None, description="Its id; by default the one that served before.")


class CacheSelection(BaseModel):
    """Which kept results are meant. A misspelt name is refused: without any, all of them are."""

    model_config = ConfigDict(extra="forbid")

    tool: Name = Field(default="", description="Results of this tool.")
    tenant: Name = Field(default="", description="Results for this tenant.")
    tag: Name = Field(default="", description="Results with this tag.")


class _Answer(BaseModel):
    """A document to which fields may be added."""

    model_config = ConfigDict(extra="allow")


class ErrorDocument(_Answer):
    """An error as data."""

    code: str
    message: str
    hint: str
    severity: str
    retryable: bool
    layer: str
    retry_after_s: float | None = Field(None, description="Seconds to wait before trying again, when that is known.")
    strategy: str | None = Field(None, description="What the tool's `on_error` says of it: skip, abort or manual.")


class ToolDocument(_Answer):
    """A tool of the current release."""

    name: str
    description: str
    args_schema: dict[str, Any] = Field(description="JSON Schema of the arguments.")
    result_schema: dict[str, Any] | None
    policy: dict[str, Any] = Field(description="The effective policy.")
    digest: str
    file: str
    line: int
    kind: str
    examples: list[str]


class ToolResultDocument(_Answer):
    """The outcome of a tool call; `ok` tells, `error` explains."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"example": dict(examples.CALL)})

    ok: bool
    value: Any
    error: ErrorDocument | None
    attempts: int
    duration_s: float
    queued_s: float
    cached: bool
    journaled: bool
    tool: str
    tool_digest: str
    release: str
    call_id: str


class AgentDocument(_Answer):
    """An agent of the current release: what its author wrote, and what it came to."""

    name: str
    kind: str
    model: str
    prompt: str = Field(description="The system prompt as it is sent, variables filled in.")
    tools: list[str] = Field(description="Names of the tools it may call.")
    limits: dict[str, Any]
    description: str
    release: str


class RunResultDocument(_Answer):
    """The outcome of a run; `success` tells, `error` explains, `interrupts` is what it waits for."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"example": dict(examples.RUN)})

    output: Any
    success: bool
    error: ErrorDocument | None
    execution_time_s: float
    iterations: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    trace: list[dict[str, Any]]
    from_cache: bool
    release: str
    thread_id: str
    run_id: str
    interrupts: list[Any]


class ChangeDocument(_Answer):
    """One difference between two releases."""

    kind: str
    name: str
    change: Literal["added", "removed", "changed"]
    detail: str


class ReasonDocument(_Answer):
    """One mistake in a project, with its place."""

    code: str
    message: str
    file: str
    line: int
    column: int
    end_column: int
    hint: str
    source: str


class DeploymentDocument(_Answer):
    """What became of a deployment."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"example": dict(examples.DEPLOYMENT)})

    state: DeploymentState
    release: str
    previous: str
    generation: int
    reasons: list[ReasonDocument]
    diff: list[ChangeDocument]
    timings_s: dict[str, float]
    actor: str
    at: float = Field(description="Unix time, seconds.")


class CacheDocument(_Answer):
    """What the result cache did since the start; `entries` and `size_bytes` are what it holds."""

    hits: int
    misses: int
    evicted: int
    entries: int
    size_bytes: int


class InvalidationDocument(_Answer):
    """How many results were thrown away."""

    removed: int


class ReleaseEntry(_Answer):
    """A release in the store; `files` counts its files."""

    id: str
    digest: str
    state: ReleaseState
    at: float = Field(description="Unix time of its first arrival.")
    files: int


class ReleaseDocument(_Answer):
    """One release: path in the project -> sha-256 of its bytes, and who uses it while it is in memory."""

    id: str
    digest: str
    state: ReleaseState
    at: float
    files: dict[str, str]
    current: bool
    leases: dict[str, int]


class ReleasesDocument(_Answer):
    """What serves, what the store has, and the newest deployments."""

    current: str = Field(description="Id of the release that serves; empty when none does.")
    generation: int
    releases: list[ReleaseEntry]
    history: list[DeploymentDocument]


class RunEntry(_Answer):
    """A run in the ledger; `release` is the digest it is pinned to, `releases_seen` the ids that served its steps."""

    run_id: str
    thread_id: str
    agent: str
    release: str
    tenant: str
    status: str
    error: str
    releases_seen: list[str]
    started_at: float
    finished_at: float | None


class CountsDocument(_Answer):
    """Counts over all runs; `mixed` saw more than one release."""

    started: int
    finished: int
    failed: int
    interrupted: int
    running: int
    mixed: int


class LedgerDocument(_Answer):
    """The counts, and the newest runs."""

    summary: CountsDocument
    runs: list[RunEntry]


class Check(_Answer):
    """One thing looked at."""

    ok: bool
    detail: str


class Readiness(_Answer):
    """Whether requests should be sent here."""

    ok: bool
    checks: dict[str, Check]


class Okay(BaseModel):
    """It lives."""

    ok: Literal[True] = True


class ProblemDocument(_Answer):
    """A failure (RFC 9457)."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"example": dict(examples.PROBLEM)})

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str
    retryable: bool
    instance: str
    reasons: list[ReasonDocument] | None = Field(default=None, description="Of a rejected deployment: every mistake.")

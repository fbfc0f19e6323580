"""The shapes of requests and answers, for OpenAPI and for validation; fields added later pass through in answers."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from toolcrib.core.policies import Seconds
from toolcrib.core.releases import ColdKind, DeploymentState, ReleaseState, Verdict
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
    user: Name = Field(default="", description="The same within the tenant; for experiments that go by user.")
    timeout_s: Seconds | None = Field(default=None, description="Seconds for this call, below the tool's own limit.")


class RollbackRequest(BaseModel):
    """Which release to go back to."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"release": examples.RELEASE}})

    release: str | None = Field(
        default=None,
        description="Its id; by default the canary ends, or the one before serves again, each time one further back.",
    )
    why: str = Field(default="", max_length=2_000, description="For the history.")


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
    escalated: bool = Field(False, description="`severity` is one step higher than the error's own: it is one of many.")
    task: str = Field("", description="Id of the task in which the call waits for a person.")


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
    sensitive: dict[str, Any] = Field(
        description="Masks of the arguments (`args`) and the result (`result`): true is what must not be shown."
    )


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
    artifact: str = Field("", description="Handle of the whole result, when `value` is only its beginning.")
    variants: dict[str, str] = Field({}, description="Experiment -> variant that the call was in.")


class ArtifactDocument(_Answer):
    """A part of an artifact's text."""

    text: str
    offset: int = Field(description="Where it begins, in characters.")
    next_offset: int | None = Field(description="Where to read on; null when this is the end.")
    total_chars: int
    size_bytes: int = Field(description="Of the whole text as UTF-8.")


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
    cost_usd: str | None = Field(description="US dollars, exact; null where a price is not known.")
    trace: list[dict[str, Any]]
    from_cache: bool
    release: str
    thread_id: str
    run_id: str
    interrupts: list[Any]
    variants: dict[str, str] = Field({}, description="Experiment -> variant that the run was in.")


class ChangeDocument(_Answer):
    """One difference between two releases."""

    kind: str
    name: str
    change: Literal["added", "removed", "changed"]
    detail: str
    verdict: Verdict | None = Field(None, description="What it means for threads of the older release.")
    why: str = Field("", description="The reason for a verdict other than `safe`.")
    tenant: str = Field("", description="For whom, when it is a tenant's own.")


class DifferenceDocument(_Answer):
    """What differs between two releases, and the worst of the verdicts."""

    verdict: Verdict
    changes: list[ChangeDocument]


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


class ColdChangeDocument(_Answer):
    """What differs from what the process took from the project when it started; only a restart takes it up."""

    kind: ColdKind
    file: str = Field(description="Path in the project, or `installed packages`.")
    items: list[str] = Field(description="Which parts of it, e.g. `server.port`; empty when all of it counts.")
    why: str


class RevisionDocument(BaseModel):
    """What git says of a tree; `dirty` is null when it is not known whether the files differ from the commit."""

    commit: str
    branch: str
    dirty: bool | None


class DeploymentDocument(_Answer):
    """What became of a deployment."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"example": dict(examples.DEPLOYMENT)})

    state: DeploymentState
    release: str
    previous: str
    generation: int
    reasons: list[ReasonDocument]
    diff: list[ChangeDocument]
    verdict: Verdict | None = Field(None, description="The worst in `diff`; null when nothing was compared.")
    accepted: list[ReasonDocument] = Field(
        default_factory=list, description="What would have been a reason, had it not been accepted."
    )
    timings_s: dict[str, float]
    actor: str = Field(description="By which way: watch, start, cli, http, upload, python, guard.")
    who: str = ""
    git: RevisionDocument | None = None
    why: str
    at: float = Field(description="Unix time, seconds.")
    restart_needed: list[ColdChangeDocument] = Field(description="What only a restart takes up.")


class ReleaseEntry(_Answer):
    """A release in the store; `files` counts its files."""

    id: str
    digest: str
    state: ReleaseState
    at: float = Field(description="Unix time of its first arrival.")
    files: int


class ReleaseDocument(_Answer):
    """One release: path -> sha-256 of its bytes, who uses it while it is in memory, what became of it, newest first.

    One that was refused is in no store: it has neither a digest nor files.
    """

    id: str
    digest: str
    state: ReleaseState
    at: float
    files: dict[str, str]
    current: bool
    leases: dict[str, int]
    deployments: list[DeploymentDocument]


class CanaryPart(BaseModel):
    """A release that serves a part."""

    release: str
    percent: float
    tenants: list[str]
    since: float = Field(description="Unix time of its beginning.")


class ChannelDocument(BaseModel):
    """Who sees which release, by ids."""

    stable: str
    canary: CanaryPart | None
    held: dict[str, str] = Field(description="Tenant -> the release it is held on.")


class ReleasesDocument(_Answer):
    """What serves, what the store has, and the newest deployments."""

    current: str = Field(description="Id of the release that serves; empty when none does.")
    generation: int
    channel: ChannelDocument
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
    paused_at: list[str] = Field(description="The nodes in which it waits for a human.")
    moved_to: str = Field(description="Digest of the release the thread goes on with, where it was moved.")
    state: str = Field(default="", description="Id of the schema its state is saved in.")
    revision: str = Field(default="", description="The migration its state has come to; empty before the first.")
    user: str = ""
    variants: dict[str, str] = Field({}, description="Experiment -> variant that it is in.")
    cost_usd: str | None = Field(default=None, description="US dollars, exact; null where a price is not known.")
    input_tokens: int = 0
    output_tokens: int = 0


class AccountDocument(_Answer):
    """An account of a budget. Dollars are text, exact; a limit is null where there is none."""

    scope: Literal["run", "thread", "tenant", "agent"]
    tenant: str
    name: str = Field(description="Id of the run or thread, name of the agent; empty for tenants.")
    period: str = Field(description="`2026-11-21` for a day, `2026-11` for a month; empty when it is for ever.")
    renews_at: float | None = Field(description="Unix time at which the next period begins.")
    spent_usd: str
    reserved_usd: str
    limit_usd: str | None
    spent_tokens: int
    reserved_tokens: int
    limit_tokens: int | None


class BudgetsDocument(_Answer):
    """Accounts of budgets, by scope, tenant, name and period."""

    accounts: list[AccountDocument]


class CountsDocument(_Answer):
    """Counts over all runs; `mixed` saw more than one release, `stopped` can go on."""

    started: int
    finished: int
    failed: int
    interrupted: int
    running: int
    mixed: int
    stopped: int


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
    restart_needed: list[ColdChangeDocument] = Field(description="What only a restart takes up; it can wait.")


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

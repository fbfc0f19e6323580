"""`ToolPolicy`: everything that can be asked of one tool's calls."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from toolcrib.core.policies.approval import Approval
from toolcrib.core.policies.breaker import Breaker
from toolcrib.core.policies.cache import Cache
from toolcrib.core.policies.escalate import Escalate
from toolcrib.core.policies.limits import Concurrency, RateLimit
from toolcrib.core.policies.output import Output
from toolcrib.core.policies.recovery import Strategy
from toolcrib.core.policies.retry import Retry
from toolcrib.core.policies.units import Isolation, Seconds, SideEffect

ErrorName = Annotated[str, Field(pattern=r"^(\*|[A-Za-z_][\w.]*)$")]


class ToolPolicy(BaseModel):
    """The policy of one tool; what is not set costs nothing on a call.

    Attributes:
        timeout_s: seconds for the whole call, retries and waits included; None leaves only the run's own limit.
        attempt_timeout_s: seconds for each attempt.
        retry: when and how often to repeat.
        cache: whether and how long results are kept.
        breaker: when to stop calling a failing tool.
        rate_limit: calls in a time, e.g. `100/minute`.
        concurrency: calls at once, e.g. `8`.
        exclusive: name of a lock; of all calls of all tools that name it, one runs at a time.
        fallback: name of the tool that is called with the same arguments when this one cannot answer.
        on_error: name of an exception type, or code of an error, or `*` -> what to do about it: `retry`, ask the
            `fallback`, `skip` (the run goes on without the result), `abort` (the run ends), `manual` (ask a person).
        escalate: when its failures are taken for worse, and what is done about them then.
        output: how large a result may be, and what becomes of a larger one.
        isolation: where the code runs: `inline` on the event loop, `thread` in a worker thread, `process` in a worker
            process that can be killed, `auto` inline for `async def` and thread for `def`.
        side_effect: what a call does to the world; decides whether it may be repeated.
        scopes: rights a caller must hold.
        approval: which calls a person has to agree to before they are made: `required`, or `when(amount > 100)`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    timeout_s: Seconds | None = 30.0
    attempt_timeout_s: Seconds | None = None
    retry: Retry | None = None
    cache: Cache | None = None
    breaker: Breaker | None = None
    rate_limit: RateLimit | None = None
    concurrency: Concurrency | None = None
    exclusive: Annotated[str, Field(max_length=100)] = ""
    fallback: Annotated[str, Field(max_length=64)] = ""
    on_error: Mapping[ErrorName, Strategy] = Field(default_factory=dict)
    escalate: Escalate | None = None
    output: Output | None = None
    isolation: Isolation = "auto"
    side_effect: SideEffect = "write"
    scopes: tuple[str, ...] = ()
    approval: Approval | None = None

    @property
    def repeatable(self) -> bool:
        """Whether a call that may have run already can be run again without harm."""
        return self.side_effect != "write"

    @property
    def journaled(self) -> bool:
        """Whether a call with an idempotency key runs once: there is something that must not happen twice."""
        return self.side_effect not in ("none", "read")

    @property
    def stores_output(self) -> bool:
        """Whether a result that is too long is kept whole, as an artifact."""
        return self.output is not None and self.output.excess == "store"

"""Cache: keep results of calls that may be answered from memory."""

from pydantic import BaseModel, ConfigDict

from toolcrib.core.policies.units import Seconds


class Cache(BaseModel):
    """Answer a repeated call from the result cache. Only for tools that may be answered a little late.

    The key holds the digest of the tool's code, the validated arguments, and the tenant with its scopes: a new release
    of the code, another tenant or other rights never see an old value. Concurrent misses of one key run the tool once.
    A tool may ask for its `ToolContext` besides, but what it reads there of the agent, the run or the thread is that of
    the first caller; one that is given state, runtime or config cannot be cached.

    Attributes:
        ttl_s: how long a result may be given out.
        errors_ttl_s: how long a failure may be given out; None keeps no failures.
        tags: names by which entries can be thrown away together, beside the tool and the tenant.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ttl_s: Seconds = 300.0
    errors_ttl_s: Seconds | None = None
    tags: tuple[str, ...] = ()

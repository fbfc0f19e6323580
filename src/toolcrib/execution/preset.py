"""The order of the links, outermost first. The one place that knows it."""

from collections.abc import Callable

from toolcrib.core.chain import Link
from toolcrib.core.tools import Tool
from toolcrib.execution.policies import (
    approval,
    authorise,
    breaker,
    cache,
    deadline,
    escalate,
    fallback,
    journal,
    observe,
    output,
    redact,
    resources,
    retry,
    validate,
)
from toolcrib.execution.policies.limits import admission, concurrency, exclusive, rate_limit
from toolcrib.execution.ports import ChainPorts
from toolcrib.registry.release import Release

LINKS: tuple[Callable[[Tool, Release, ChainPorts], Link | None], ...] = (
    observe.link,
    observe.variants,
    fallback.link,
    authorise.link,
    validate.link,
    approval.link,
    cache.link,
    journal.link,
    output.link,
    rate_limit.link,
    escalate.link,
    breaker.link,
    admission.link,
    concurrency.link,
    exclusive.link,
    deadline.link,
    retry.link,
    deadline.attempt,
    redact.link,
    resources.link,
)

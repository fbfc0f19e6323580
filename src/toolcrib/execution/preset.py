"""The order of the links, outermost first. The one place that knows it."""

from collections.abc import Callable

from toolcrib.core.chain import Link
from toolcrib.core.tools import Tool
from toolcrib.execution.policies import attempt, deadline, observe, resources, retry, validate
from toolcrib.execution.ports import ChainPorts

LINKS: tuple[Callable[[Tool, str, ChainPorts], Link | None], ...] = (
    observe.link,
    validate.link,
    deadline.link,
    retry.link,
    attempt.link,
    resources.link,
)

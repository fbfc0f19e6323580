"""Deadlines: which of several limits ends a call."""

from toolcrib.core.calls import CallContext, DeadlineLevel


def nearest(context: CallContext, now: float, own_s: float | None) -> tuple[float | None, DeadlineLevel]:
    """The nearest of the three limits, and whose it is: the caller's deadline, the caller's timeout, the tool's own."""
    until, level = context.deadline, context.deadline_level
    for limit in (context.timeout_s, own_s):
        if limit is not None and (until is None or now + limit < until):
            until, level = now + limit, "tool"
    return until, level

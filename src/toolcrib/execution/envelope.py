"""The envelope of a call: of all the clocks that bound it, the one that runs out first."""

from toolcrib.core.calls import CallContext, DeadlineLevel


def envelope(
    context: CallContext, *, came: float, begins: float, own: float | None
) -> tuple[float | None, DeadlineLevel]:
    """When the call must be over, and whose time that is; everything it does, waits included, lies inside.

    Args:
        context: the caller's deadline (run, iteration), and its limit for this call.
        came: reading of the monotonic clock when the caller asked; its limit for the call counts from here.
        begins: reading of the monotonic clock when this tool's turn begins; a fallback's is later than `came`.
        own: the tool's own limit, seconds.
    """
    until, level = context.deadline, context.deadline_level
    if context.timeout_s is not None and (until is None or came + context.timeout_s < until):
        until, level = came + context.timeout_s, "tool"
    if own is not None and (until is None or begins + own < until):
        until, level = begins + own, "tool"
    return until, level

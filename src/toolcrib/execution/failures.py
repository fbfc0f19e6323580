"""What a tool's exception is for those outside of the chain."""

from collections.abc import Callable

from toolcrib.core.errors import CallFailed, ToolcribError, ToolError, ToolFailed
from toolcrib.core.results import said
from toolcrib.execution.bubbling import is_bubble_up
from toolcrib.execution.state.breaker import Outcome


def as_call_error(raised: Exception, tool: str) -> ToolcribError:
    """`raised` as an error of ours; anything from the tool's own code becomes `ToolFailed`, with the cause kept."""
    if isinstance(raised, ToolcribError):
        return raised
    detail = said(raised).strip() or "no message"
    error = ToolFailed(f"Tool {tool!r} failed: {type(raised).__name__}: {detail}")
    error.__cause__ = raised
    error.attempts = attempts_of(raised)
    return error


def cleaned(raised: Exception, clean: Callable[[BaseException], BaseException]) -> Exception:
    """`raised` without what must not be told, by `clean`; LangGraph's control flow is no failure and stays as it is."""
    if is_bubble_up(raised):
        return raised
    made = clean(raised)
    assert isinstance(made, Exception), "what stands for an error is of its own kind"
    return made


def attempts_of(error: Exception) -> int:
    """How often the tool ran, as the retry link noted it; without that link once, or never."""
    return error.attempts if isinstance(error, CallFailed) else getattr(error, "__toolcrib_attempts__", 1)


def once_more(error: ToolcribError) -> ToolcribError:
    """The same error for another caller: with its words and its cause, without the traceback and notes of the first.

    The constructor is not asked: that of a tool author's own error may want anything.
    """
    kind = type(error)
    twin = kind.__new__(kind, *error.args)
    twin.__dict__.update(error.__dict__)
    twin.__dict__.pop("__notes__", None)
    twin.__cause__ = error.__cause__
    return twin


def outcome_of(error: Exception) -> Outcome:
    """What an error says of the tool: one raised on purpose is an answer, one before the start says nothing."""
    if is_bubble_up(error) or (isinstance(error, CallFailed) and not error.started):
        return "unknown"
    if isinstance(error, ToolError) and not error.retryable:
        return "success"
    return "failure"

"""What a tool's exception is for those outside of the chain."""

from toolcrib.core.errors import CallFailed, ToolcribError, ToolFailed
from toolcrib.core.results import said


def as_call_error(raised: Exception, tool: str) -> ToolcribError:
    """`raised` as an error of ours; anything from the tool's own code becomes `ToolFailed`, with the cause kept."""
    if isinstance(raised, ToolcribError):
        return raised
    detail = said(raised).strip() or "no message"
    error = ToolFailed(f"Tool {tool!r} failed: {type(raised).__name__}: {detail}")
    error.__cause__ = raised
    error.attempts = attempts_of(raised)
    return error


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

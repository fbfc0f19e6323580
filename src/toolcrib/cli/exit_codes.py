"""From what happened to the exit code that scripts rely on."""

from typing import ClassVar

from toolcrib.core.errors import (
    Conflict,
    InputInvalid,
    NotFound,
    ProjectInvalid,
    ResumeRefused,
    ServerUnreachable,
    ToolcribError,
)

OK, FAILURE, USAGE, INVALID, NOT_FOUND, CONFLICT, REJECTED, UNREACHABLE, INTERRUPTED = 0, 1, 2, 3, 4, 5, 6, 7, 128


def exit_code(error: ToolcribError) -> int:
    """The exit code of a command that ended with `error`."""
    match error:
        case UsageProblem() | InputInvalid():
            return USAGE
        case ProjectInvalid():  # a rejected project that could not be opened is an invalid one; `deploy` says 6 itself
            return INVALID
        case NotFound():
            return NOT_FOUND
        case Conflict() | ResumeRefused():
            return CONFLICT
        case ServerUnreachable():
            return UNREACHABLE
        case _:
            return FAILURE


class UsageProblem(ToolcribError):
    """The command line was not understood. Look at `--help` of the command."""

    code: ClassVar[str] = "usage"


class Interrupted(ToolcribError):
    """A signal ended the command."""

    code: ClassVar[str] = "interrupted"

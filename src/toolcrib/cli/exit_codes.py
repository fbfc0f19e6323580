"""From what happened to the exit code that scripts rely on."""

from toolcrib.core.errors import (
    Conflict,
    NotFound,
    ProjectInvalid,
    ServerUnreachable,
    ToolcribError,
)

OK, FAILURE, USAGE, INVALID, NOT_FOUND, CONFLICT, REJECTED, UNREACHABLE, INTERRUPTED = 0, 1, 2, 3, 4, 5, 6, 7, 130


def exit_code(error: ToolcribError) -> int:
    """The exit code of a command that ended with `error`."""
    match error:
        case UsageProblem():
            return USAGE
        case ProjectInvalid():  # a rejected project that could not be opened is an invalid one; `deploy` says 6 itself
            return INVALID
        case NotFound():
            return NOT_FOUND
        case Conflict():
            return CONFLICT
        case ServerUnreachable():
            return UNREACHABLE
        case _:
            return FAILURE


class UsageProblem(ToolcribError):
    """The command line was not understood. Look at `--help` of the command."""

"""The options all commands share, given before or after the command's name, and how every command ends."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from toolcrib.cli import output
from toolcrib.cli.exit_codes import INTERRUPTED, OK, exit_code
from toolcrib.core.errors import ToolcribError

ProjectOption = Annotated[
    Path | None,
    typer.Option(
        "--project", help="The project's directory; by default the nearest one from here upward.", metavar="DIR"
    ),
]
UrlOption = Annotated[
    str,
    typer.Option(
        "--url",
        help="Talk to this running server instead of opening the project.",
        metavar="URL",
        envvar="TOOLCRIB_URL",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SHARED = ("project", "url", "json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """The shared options of one command line."""

    project: Path | None = None
    url: str = ""
    json: bool = False


def command(function: Callable[..., int | None]) -> Callable[..., None]:
    """A command as typer takes it: shared options given before its name count too, and it ends with its exit code.

    Errors of ours are shown to people, never as a traceback; Ctrl-C ends with 130.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def run(context: typer.Context, **given: Any) -> None:
        before = context.find_root().params
        for name in SHARED:
            if name in given and not given[name]:
                given[name] = before.get(name) or given[name]
        raise typer.Exit(ended(lambda: function(**given)))

    context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    parameters = [context, *signature.parameters.values()]
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # typer reads it
    run.__annotations__ = {"context": typer.Context, **function.__annotations__}
    return run


def ended(work: Callable[[], int | None]) -> int:
    """The exit code of some work, however it ends."""
    try:
        return work() or OK
    except KeyboardInterrupt:
        output.note("Interrupted.")
        return INTERRUPTED
    except ToolcribError as error:
        output.show_error(error)
        return exit_code(error)
    except BrokenPipeError:
        return OK

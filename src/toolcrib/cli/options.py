"""The options all commands share, given before or after the command's name, and how every command ends."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from toolcrib.cli import output
from toolcrib.cli.exit_codes import FAILURE, INTERRUPTED, OK, Interrupted, UsageProblem, exit_code
from toolcrib.core.errors import ToolcribError
from toolcrib.runtime.signals import Stopped

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

    Errors of ours are shown to people, never as a traceback; a signal ends with 128 and its number: Ctrl-C with 130.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def run(context: typer.Context, **given: Any) -> None:
        before = context.find_root().params
        for name in SHARED:
            if name in given and not _was_said(context, name):
                given[name] = before.get(name) or given[name]
        as_json = given.get("json", before.get("json", False))
        raise typer.Exit(ended(lambda: function(**_settled(context, given)), as_json=as_json))

    context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    parameters = [context, *signature.parameters.values()]
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # typer reads it
    run.__annotations__ = {"context": typer.Context, **function.__annotations__}
    return run


def _settled(context: typer.Context, given: dict[str, Any]) -> dict[str, Any]:
    """What a command is given when it is said where to look: in a project, or at a server; never both.

    Raises:
        UsageProblem: both were said, or the command has no use for what was said.
    """
    places = (context, context.find_root())
    said = {name for name in ("project", "url") if any(_was_said(place, name) for place in places)}
    if useless := sorted(said - given.keys()):
        raise UsageProblem(f"`{context.info_name}` has no use for --{useless[0]}.", hint="Leave it out.")
    if said == {"project", "url"}:
        raise UsageProblem("A command asks a project or a server.", hint="Give --project or --url, not both.")
    return given | {"url": ""} if said == {"project"} and "url" in given else given


def _was_said(context: Any, name: str) -> bool:
    """Whether the option stands on the command line, at this place; that of the environment counts less."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def ended(work: Callable[[], int | None], *, as_json: bool = False) -> int:
    """The exit code of some work, however it ends; with `as_json` a failure is told as JSON."""
    try:
        return work() or OK
    except Stopped as stop:
        error: ToolcribError = Interrupted("Interrupted.")
        code = INTERRUPTED + stop.signum
    except ToolcribError as raised:
        error, code = raised, exit_code(raised)
    except BrokenPipeError:
        return OK
    except OSError as raised:
        place = f"{raised.filename}: " if raised.filename else ""
        error, code = ToolcribError(f"{place}{raised.strerror or raised}."), FAILURE
    if as_json:
        output.problem(error)
    else:
        output.show_error(error)
    return code

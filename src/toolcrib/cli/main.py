"""`toolcrib`: the commands, put together; each one imports what it needs when it runs."""

import sys
from importlib.metadata import version
from typing import Annotated, Any

import typer

from toolcrib.cli import output
from toolcrib.cli.asking import call, run
from toolcrib.cli.canary import canary, promote
from toolcrib.cli.checking import doctor, schema
from toolcrib.cli.demo import demo
from toolcrib.cli.exit_codes import USAGE, UsageProblem
from toolcrib.cli.init import init
from toolcrib.cli.money import budgets
from toolcrib.cli.options import JsonOption, ProjectOption, UrlOption, command
from toolcrib.cli.releasing import deploy, diff, releases, rollback, verify
from toolcrib.cli.serving import dev, serve
from toolcrib.cli.showing import agents, experiments, runs, tools
from toolcrib.cli.tasks import tasks
from toolcrib.cli.threads import threads

app = typer.Typer(
    name="toolcrib",
    help="Tools, prompts, agents and graphs for LangGraph applications: change anything while it serves.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
MISUSE: Any = typer.BadParameter.__mro__[1]  # typer does not hand on the name of click's UsageError
COMMANDS = (
    *(demo, init, dev, serve),
    *(run, call, tools, agents, experiments, runs, threads, tasks, budgets),
    *(verify, deploy, canary, promote, diff, releases, rollback),
    *(doctor, schema),
)
for function in COMMANDS:
    app.command(function.__name__)(command(function))


def _version(wanted: bool) -> None:
    if wanted:
        output.data(f"toolcrib {version('toolcrib')}")
        raise typer.Exit


@app.callback()
def _shared(  # every command reads these from the root context
    *,
    project: ProjectOption = None,
    url: UrlOption = "",
    json: JsonOption = False,
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None: ...


def main() -> None:
    """Run one command line and exit with the promised code."""
    as_json = "--json" in sys.argv
    try:
        code = app(prog_name="toolcrib", standalone_mode=not as_json)
    except MISUSE as error:
        output.problem(UsageProblem(error.format_message(), hint="See --help."))
        code = USAGE
    sys.exit(code)

"""`toolcrib`: the commands, put together; each one imports what it needs when it runs."""

from importlib.metadata import version
from typing import Annotated

import typer

from toolcrib.cli import output
from toolcrib.cli.asking import call, run
from toolcrib.cli.checking import doctor, schema
from toolcrib.cli.demo import demo
from toolcrib.cli.init import init
from toolcrib.cli.options import JsonOption, ProjectOption, UrlOption, command
from toolcrib.cli.releasing import deploy, diff, releases, rollback, verify
from toolcrib.cli.serving import dev, serve
from toolcrib.cli.showing import agents, runs, tools
from toolcrib.cli.tasks import tasks

app = typer.Typer(
    name="toolcrib",
    help="Tools, prompts, agents and graphs for LangGraph applications: change anything while it serves.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS = (
    *(demo, init, dev, serve),
    *(run, call, tools, agents, runs, tasks),
    *(verify, deploy, diff, releases, rollback),
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
    app(prog_name="toolcrib")

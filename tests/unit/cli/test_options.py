"""Where a command looks: in a project, or at a server."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from toolcrib.cli import output
from toolcrib.cli.options import ProjectOption, UrlOption, command

SERVER = "http://127.0.0.1:2024"


def ask(project: ProjectOption = None, *, url: UrlOption = "") -> None:
    """Tells where it would look."""
    output.data(url or str(project))


def local(project: ProjectOption = None) -> None:
    """Looks at a project only."""
    output.data(str(project))


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    for function in (ask, local):
        app.command(function.__name__)(command(function))

    @app.callback()
    def shared(*, project: ProjectOption = None, url: UrlOption = "") -> None: ...

    return app


@pytest.mark.parametrize("words", [["--project", "shop", "ask"], ["ask", "--project", "shop"]])
def test_a_project_that_is_named_wins_over_the_server_of_the_environment(app: typer.Typer, words: list[str]) -> None:
    assert CliRunner().invoke(app, words, env={"TOOLCRIB_URL": SERVER}).stdout == f"{Path('shop')}\n"


@pytest.mark.parametrize("words", [["ask"], ["ask", "--url", SERVER], ["--url", SERVER, "ask"]])
def test_otherwise_the_server_that_is_named_is_asked(app: typer.Typer, words: list[str]) -> None:
    elsewhere = "http://elsewhere" if len(words) > 1 else SERVER
    assert CliRunner().invoke(app, words, env={"TOOLCRIB_URL": elsewhere}).stdout == f"{SERVER}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--url", SERVER, "ask", "--project", "shop"], "--project or --url, not both"),
        (["--url", SERVER, "local"], "`local` has no use for --url."),
    ],
)
def test_a_server_that_cannot_be_meant_is_a_mistake_of_the_command_line(
    app: typer.Typer, words: list[str], said: str
) -> None:
    done = CliRunner().invoke(app, words)

    assert (done.exit_code, done.stdout, said in done.stderr) == (2, "", True)


def test_the_server_of_the_environment_does_not_disturb_a_command_that_needs_none(app: typer.Typer) -> None:
    assert CliRunner().invoke(app, ["local", "--project", "shop"], env={"TOOLCRIB_URL": SERVER}).stdout == "shop\n"

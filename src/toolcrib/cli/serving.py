"""`toolcrib dev` and `toolcrib serve`."""

from typing import Annotated

import typer

from toolcrib.cli import output
from toolcrib.cli.exit_codes import UsageProblem
from toolcrib.cli.options import Common, ProjectOption

HostOption = Annotated[str | None, typer.Option(help="Address to bind; by default the settings', 127.0.0.1.")]
PortOption = Annotated[
    int | None, typer.Option(help="Port; by default the settings', 2024, or the next free one.", min=0, max=65_535)
]
InsecureOption = Annotated[
    bool, typer.Option("--insecure-no-auth", help="Allow an address that others can reach, without any key.")
]


def dev(
    *, host: HostOption = None, port: PortOption = None, insecure: InsecureOption = False, project: ProjectOption = None
) -> int:
    """Serve the project and deploy every change of it; Ctrl-C stops.

    Lowered guards of tools and agents are shown, not refused: whoever saves a file here answers for it.
    """
    return _serve(host, port, insecure=insecure, watch=True, project=project)


def serve(
    *, host: HostOption = None, port: PortOption = None, insecure: InsecureOption = False, project: ProjectOption = None
) -> int:
    """Serve the project without watching it: deployments come by `toolcrib deploy`."""
    return _serve(host, port, insecure=insecure, watch=False, project=project)


def _serve(host: str | None, port: int | None, *, insecure: bool, watch: bool, project: ProjectOption) -> int:
    from toolcrib.runtime.build import load_frameworks

    load_frameworks()  # first: what the server imports must find LangGraph's settings
    from toolcrib.server.listening import OpenToAll
    from toolcrib.server.serve import ServeOptions
    from toolcrib.server.serve import serve as serve_until_stopped

    options = ServeOptions(
        project=Common(project=project).project,
        host=host,
        port=port,
        watch=watch,
        insecure_no_auth=insecure,
        accept=("permissions", "stranded") if watch else (),
        announce=output.note,
    )
    try:
        return serve_until_stopped(options)
    except OpenToAll as error:  # what was asked for is not allowed without another option
        raise UsageProblem(error.message, hint=error.hint) from error

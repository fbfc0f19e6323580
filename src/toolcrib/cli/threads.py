"""`toolcrib threads`: the threads of agents, moving them from one release to another, and migrating their state."""

from datetime import datetime
from typing import Annotated, Literal

import typer

from toolcrib.cli import output
from toolcrib.cli.backend import ask
from toolcrib.cli.exit_codes import FAILURE, OK, UsageProblem
from toolcrib.cli.options import Common, JsonOption, ProjectOption, UrlOption
from toolcrib.cli.output import Json
from toolcrib.core.errors import NotFound
from toolcrib.core.releases import release_id
from toolcrib.core.stores.pins import RunStatus


def threads(
    action: Annotated[
        Literal["list", "show", "move", "migrate"],
        typer.Argument(help="List them, show one, move them to another release, or migrate their state too."),
    ] = "list",
    thread: Annotated[str, typer.Argument(help="Only this thread.", show_default=False)] = "",
    *,
    to: Annotated[str, typer.Option(help="Move or migrate them to this release.", show_default=False)] = "",
    agent: Annotated[str, typer.Option(help="Only threads of this agent.", show_default=False)] = "",
    tenant: Annotated[str | None, typer.Option(help="Only threads of this tenant.", show_default=False)] = None,
    release: Annotated[str, typer.Option(help="Only threads that go on with this one.", show_default=False)] = "",
    status: Annotated[
        RunStatus | None, typer.Option(help="Only threads whose last run is so, e.g. interrupted.", show_default=False)
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes/--dry-run", help="Move or migrate them; without it nothing is changed.")
    ] = False,
    limit: Annotated[int, typer.Option(help="List so many, the newest.", min=1, max=1000)] = 100,
    project: ProjectOption = None,
    url: UrlOption = "",
    json: JsonOption = False,
) -> int:
    """List threads with the release each goes on with, show one, or move or migrate them to another release."""
    options = Common(project=project, url=url, json=json)
    wanted = {"thread_id": thread, "agent": agent, "tenant": tenant, "release": release, "status": status or ""}
    if action == "move" and not to:
        raise UsageProblem("Move them where?", hint="toolcrib threads move --to r-1a2b3c4d [--agent NAME] [--yes]")
    if action in ("move", "migrate"):
        body = {**wanted, "to": to, "dry_run": not yes}
        migrate = action == "migrate"
        told = ask(options, lambda at: at.migrate_threads(body) if migrate else at.move_threads(body), deploy=False)
        return _tell_moves(told, options, dry=not yes)
    if action == "show" and not thread:
        raise UsageProblem("Which thread?", hint="toolcrib threads show ID; `toolcrib threads` lists the ids.")
    found = ask(options, lambda source: source.threads(wanted, limit), deploy=False)
    if action == "show" and not found:
        raise NotFound(f"There is no thread {thread!r}.", hint="`toolcrib threads` lists the ids.")
    if json:
        output.as_json(found)
        return OK
    _table(found)
    return OK


def _table(found: list[Json]) -> None:
    """One line for each thread."""
    rows = [
        (
            one["thread_id"],
            one["tenant"],
            one["agent"],
            f"waits in {', '.join(one['paused_at'])}" if one["status"] == "interrupted" else one["status"],
            release_id(one["moved_to"] or one["release"]),
            _time(one["started_at"]),
        )
        for one in found
    ]
    output.table(rows, head=("thread", "tenant", "agent", "last run", "release", "begun"))


def _tell_moves(moves: list[Json], options: Common, *, dry: bool) -> int:
    """What became of each; a thread that stays makes the command fail, for somebody expected it to go."""
    if options.json:
        output.as_json(moves)
    else:
        words = "would move" if dry else "moved"
        for move in moves:
            through = f" through {', '.join(move['through'])}" if move["through"] else ""
            became = f"stays: {move['problem']}" if move["problem"] else f"{words} to {move['target']}{through}"
            output.data(f"{move['thread_id']}  {move['agent']}  {move['source']}  {became}")
        if not moves:
            output.note("no thread is meant by this, or all are there already")
        elif dry:
            output.note("nothing was changed: add --yes to do it")
    return FAILURE if any(move["problem"] for move in moves) else OK


def _time(stamp: float) -> str:
    return datetime.fromtimestamp(stamp).astimezone().strftime("%Y-%m-%d %H:%M:%S")

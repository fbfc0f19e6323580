"""`toolcrib tasks`: background tasks, listed, shown, resolved and cancelled."""

from datetime import datetime
from json import JSONDecodeError, loads
from typing import Annotated, Any, Literal, assert_never

import typer

from toolcrib.cli import output
from toolcrib.cli.backend import ask
from toolcrib.cli.exit_codes import OK, UsageProblem
from toolcrib.cli.options import Common, JsonOption, ProjectOption, UrlOption
from toolcrib.cli.output import Json
from toolcrib.core.tasks import Decision, TaskState


def tasks(
    action: Annotated[
        Literal["list", "show", "resolve", "cancel"],
        typer.Argument(help="List all; show one, decide about one that waits for a person, or cancel one."),
    ] = "list",
    task: Annotated[str, typer.Argument(help="Id of the task.", show_default=False)] = "",
    *,
    state: Annotated[TaskState | None, typer.Option(help="List only tasks in this state.")] = None,
    limit: Annotated[int, typer.Option(help="List so many, the newest.", min=1, max=1000)] = 100,
    retry: Annotated[bool, typer.Option("--retry", "--approve", help="Resolve: run it again, or agree to it.")] = False,
    answer: Annotated[
        str | None, typer.Option(help="Resolve: take this for its result.", metavar="JSON", show_default=False)
    ] = None,
    skip: Annotated[bool, typer.Option("--skip", help="Resolve: go on without it.")] = False,
    abort: Annotated[bool, typer.Option("--abort", help="Resolve: let it fail.")] = False,
    project: ProjectOption = None,
    url: UrlOption = "",
    json: JsonOption = False,
) -> int:
    """List background tasks, show one, resolve one that waits for a person, or cancel one.

    Tasks run in a server or a Python process.
    """
    options = Common(project=project, url=url, json=json)
    given: dict[Decision, bool] = {"retry": retry, "answer": answer is not None, "skip": skip, "abort": abort}
    decisions = [name for name, chosen in given.items() if chosen]
    if decisions and action != "resolve":
        raise UsageProblem(
            f"--{decisions[0]} decides about a task.", hint=f"toolcrib tasks resolve ID --{decisions[0]}"
        )
    if action == "list":
        return _list(ask(options, lambda source: source.tasks(state, limit), deploy=False), options)
    if not task:
        raise UsageProblem("Which task?", hint=f"toolcrib tasks {action} ID; `toolcrib tasks` lists the ids.")
    match action:
        case "show":
            return _show(ask(options, lambda source: source.task(task), deploy=False), options)
        case "cancel":
            return _cancelled(ask(options, lambda source: source.cancel_task(task), deploy=False), options)
        case "resolve":
            decision = _one(decisions)
            value = _value(answer) if answer is not None else None
            found = ask(options, lambda source: source.resolve_task(task, decision, value), deploy=False)
            return _resolved(found, options)
        case _:
            assert_never(action)


def _list(found: list[Json], options: Common) -> int:
    if options.json:
        output.as_json(found)
        return OK
    rows = [(one["id"], one["tool"], one["state"], _percent(one), _words(one)) for one in found]
    output.table(rows, head=("task", "tool", "state", "done", "message"))
    return OK


def _show(task: Json, options: Common) -> int:
    if options.json:
        output.as_json(task)
        return OK
    output.data(f"{task['id']}  {task['tool']} {task['state']} {_percent(task)} {_words(task)}".rstrip())
    for title, key in (("submitted", "created_at"), ("begun", "started_at"), ("ended", "finished_at")):
        if task[key] is not None:
            output.data(f"{title}: {_time(task[key])}")
    for title in ("release", "tenant", "batch", "key", "callback_error", "args"):
        if task[title]:
            output.data(f"{title.replace('_', ' ')}: {output.plain(task[title])}")
    if task["state"] == "succeeded":
        output.data(f"value: {output.plain(task['result']['value'])}")
    if task["state"] == "waiting":
        output.data(f"hint: {task['result']['error']['hint'] or '-'}")
        output.note(f"Decide: toolcrib tasks resolve {task['id']} --retry | --answer JSON | --skip | --abort")
    return OK


def _cancelled(task: Json, options: Common) -> int:
    if options.json:
        output.as_json(task)
    else:
        output.data(f"{task['id']} {'is told to stop' if task['state'] == 'running' else task['state']}")
    return OK


def _resolved(task: Json, options: Common) -> int:
    if options.json:
        output.as_json(task)
    else:
        output.data(f"{task['id']} {'is queued again' if task['state'] == 'queued' else task['state']}")
    return OK


def _one(decisions: list[Decision]) -> Decision:
    if len(decisions) != 1:
        raise UsageProblem("What is decided?", hint="Give one of --retry, --answer JSON, --skip, --abort.")
    return decisions[0]


def _value(text: str) -> Any:
    try:
        return loads(text)
    except JSONDecodeError as error:
        hint = """Text needs its quotes: --answer '"done"'."""
        raise UsageProblem(f"--answer is no JSON: {error.msg} at column {error.colno}.", hint=hint) from error


def _words(task: Json) -> str:
    """What is most worth knowing: why it did not succeed, else what it is doing."""
    asked = "stopping; " if task["cancel_asked"] and task["state"] == "running" else ""
    return f"{asked}{task['error'] or task['message']}"


def _percent(task: Json) -> str:
    return f"{task['progress']:.0%}"


def _time(stamp: float) -> str:
    return datetime.fromtimestamp(stamp).astimezone().strftime("%Y-%m-%d %H:%M:%S")

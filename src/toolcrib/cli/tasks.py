"""`toolcrib tasks`: background tasks, listed, shown and cancelled."""

import asyncio
from datetime import datetime
from typing import Annotated, Literal

import typer

from toolcrib.cli import output
from toolcrib.cli.backend import backend
from toolcrib.cli.exit_codes import OK, UsageProblem
from toolcrib.cli.options import Common, JsonOption, ProjectOption, UrlOption
from toolcrib.cli.output import Json
from toolcrib.core.tasks import TaskState


def tasks(
    action: Annotated[Literal["list", "show", "cancel"], typer.Argument(help="List all; show or cancel one.")] = "list",
    task: Annotated[str, typer.Argument(help="Id of the task to show or cancel.", show_default=False)] = "",
    *,
    state: Annotated[TaskState | None, typer.Option(help="List only tasks in this state.")] = None,
    limit: Annotated[int, typer.Option(help="List so many, the newest.", min=1, max=1000)] = 100,
    project: ProjectOption = None,
    url: UrlOption = "",
    json: JsonOption = False,
) -> int:
    """List background tasks, show one with its result, or cancel it; they run in a server or a Python process."""
    options = Common(project=project, url=url, json=json)
    if action == "list":
        return _list(asyncio.run(_tasks(state, limit, options)), options)
    if not task:
        raise UsageProblem("Which task?", hint=f"toolcrib tasks {action} ID; `toolcrib tasks` lists the ids.")
    found = asyncio.run(_task(task, options) if action == "show" else _cancel(task, options))
    if json:
        output.as_json(found)
    elif action == "cancel":
        waits = found["state"] == "running"
        output.data(f"{task} {'is told to stop' if waits else found['state']}")
    else:
        _show(found)
    return OK


def _list(found: list[Json], options: Common) -> int:
    if options.json:
        output.as_json(found)
        return OK
    rows = [(one["id"], one["tool"], one["state"], _percent(one), _words(one)) for one in found]
    output.table(rows, head=("task", "tool", "state", "done", "message"))
    return OK


def _show(task: Json) -> None:
    output.data(f"{task['id']}  {task['tool']} {task['state']} {_percent(task)} {_words(task)}".rstrip())
    for title, key in (("submitted", "created_at"), ("begun", "started_at"), ("ended", "finished_at")):
        if task[key] is not None:
            output.data(f"{title}: {_time(task[key])}")
    for title in ("release", "tenant", "batch", "key", "callback_error", "args"):
        if task[title]:
            output.data(f"{title.replace('_', ' ')}: {output.plain(task[title])}")
    if task["state"] == "succeeded":
        output.data(f"value: {output.plain(task['result']['value'])}")


async def _tasks(state: TaskState | None, limit: int, options: Common) -> list[Json]:
    async with backend(options, deploy=False) as source:
        return await source.tasks(state, limit)


async def _task(task_id: str, options: Common) -> Json:
    async with backend(options, deploy=False) as source:
        return await source.task(task_id)


async def _cancel(task_id: str, options: Common) -> Json:
    async with backend(options, deploy=False) as source:
        return await source.cancel_task(task_id)


def _words(task: Json) -> str:
    """What is most worth knowing: why it did not succeed, else what it is doing."""
    asked = "stopping; " if task["cancel_asked"] and task["state"] == "running" else ""
    return f"{asked}{task['error'] or task['message']}"


def _percent(task: Json) -> str:
    return f"{task['progress']:.0%}"


def _time(stamp: float) -> str:
    return datetime.fromtimestamp(stamp).astimezone().strftime("%Y-%m-%d %H:%M:%S")

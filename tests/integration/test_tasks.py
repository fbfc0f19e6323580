"""Background tasks over the life of real processes: killed in the middle, looked at and cancelled from outside."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

import toolcrib
from tests.integration.commands import toolcrib as command
from tests.integration.served import PATIENCE_S, Served, serving

pytestmark = pytest.mark.anyio

TOOLS = '''
import asyncio
from pathlib import Path
from toolcrib import ToolContext, tool

async def work(folder: str, name: str, context: ToolContext) -> int:
    """Note that it ran, and wait as long as the test holds it."""
    path = Path(folder)
    with (path / name).open("a") as file:
        file.write("ran\\n")
    context.progress(0.5, "half")
    if (path / "hold").exists():
        await asyncio.Event().wait()
    return len((path / name).read_text().splitlines())

@tool(side_effect="idempotent", timeout_s=None)
async def again(folder: str, name: str, context: ToolContext) -> int:
    """May run twice."""
    return await work(folder, name, context)

@tool(side_effect="write", timeout_s=None)
async def once(folder: str, name: str, context: ToolContext) -> int:
    """Must not run twice."""
    return await work(folder, name, context)
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "tools").mkdir(parents=True)
    (root / "tools" / "works.py").write_text(TOOLS)
    (root / "toolcrib.yaml").write_text("tasks: {workers: 2, lease_s: 1}\n")
    (tmp_path / "hold").touch()
    return root


def submitted(http: httpx.Client, project: Path, tool: str, name: str, **more: Any) -> str:
    body = {"tool": tool, "args": {"folder": str(project.parent), "name": name}, **more}
    answer = http.post("/v1/tasks", json=body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def two_running_one_waiting(served: Served, http: httpx.Client, project: Path) -> tuple[str, str, str]:
    """Submit three tasks to two workers, and wait until two of them have told their progress."""
    with httpx.stream("GET", f"{served.url}/v1/events", timeout=PATIENCE_S) as events:
        lines = events.iter_lines()
        first = submitted(http, project, "again", "first")
        second = submitted(http, project, "once", "second")
        third = submitted(http, project, "once", "third")
        assert "event: task.progress" in lines  # reads up to it
        assert "event: task.progress" in lines
    return first, second, third


async def test_after_kill_9_waiting_and_repeatable_tasks_run_and_the_others_are_in_doubt(project: Path) -> None:
    with serving(project) as (served, http):
        repeatable, write, waiting = two_running_one_waiting(served, http, project)
        assert {one["id"]: one["state"] for one in http.get("/v1/tasks").json()} == {
            repeatable: "running",
            write: "running",
            waiting: "queued",
        }
        served.process.kill()
        served.process.wait(PATIENCE_S)
    (project.parent / "hold").unlink()

    async with toolcrib.open(project) as crib:
        ends = {task: await crib.tasks.wait(task, timeout_s=PATIENCE_S) for task in (repeatable, write, waiting)}
        again = await crib.tasks.result(repeatable)

    assert {task: end.state for task, end in ends.items()} == {
        repeatable: "succeeded",
        write: "in_doubt",
        waiting: "succeeded",
    }
    assert again.value == 2, "it ran in both processes"
    assert [ends[task].starts for task in (repeatable, write, waiting)] == [2, 1, 1]
    assert [ends[task].crashes for task in (repeatable, write, waiting)] == [1, 1, 0]
    assert (project.parent / "second").read_text() == "ran\n", "what must not run twice ran once"
    assert ends[write].expires_at is not None


async def test_a_second_signal_ends_the_wait_for_tasks_and_what_may_run_twice_waits_again(project: Path) -> None:
    with serving(project) as (served, http):
        repeatable, write, waiting = two_running_one_waiting(served, http, project)
        with httpx.stream("GET", f"{served.url}/v1/events", timeout=PATIENCE_S) as events:
            served.process.terminate()
            assert "event: end" in events.iter_lines()
            served.process.terminate()
            assert served.process.wait(8) == 0
    async with toolcrib.open(project, work=False) as crib:
        states = {record.id: record.state for record in await crib.tasks.list()}
    assert states == {repeatable: "queued", write: "in_doubt", waiting: "queued"}


def test_the_command_line_asks_the_server(project: Path) -> None:
    with serving(project) as (served, http):
        running, _, waiting = two_running_one_waiting(served, http, project)
        at = ("--url", served.url, "tasks")

        shown = command(project, *at, "show", running)
        queued = command(project, *at, "list", "--state", "queued", "--json")
        cancelled = command(project, *at, "cancel", waiting)
        table = command(project, *at)

        assert (shown.returncode, shown.stdout.splitlines()[0].split()[1:3]) == (0, ["again", "running"])
        (only,) = json.loads(queued.stdout)
        assert (only["id"], "args" in only) == (waiting, False)
        assert (cancelled.returncode, cancelled.stdout) == (0, f"{waiting} cancelled\n")
        assert (table.returncode, waiting in table.stdout) == (0, True)
        assert http.get(f"/v1/tasks/{waiting}").json()["state"] == "cancelled"


def test_the_command_line_beside_a_server_looks_and_cancels_but_takes_nothing_away(project: Path) -> None:
    with serving(project) as (served, http):
        running, write, waiting = two_running_one_waiting(served, http, project)

        listed = command(project, "tasks", "--json")
        states = {one["id"]: one["state"] for one in http.get("/v1/tasks").json()}
        told = command(project, "tasks", "cancel", running)

        assert {one["id"]: one["state"] for one in json.loads(listed.stdout)} == states
        assert states == {running: "running", write: "running", waiting: "queued"}
        assert told.stdout == f"{running} is told to stop\n"
        with httpx.stream("GET", f"{served.url}/v1/events", timeout=PATIENCE_S) as events:
            if http.get(f"/v1/tasks/{running}").json()["state"] == "running":  # it notices within a part of its lease
                assert "event: task.finished" in events.iter_lines()
        assert http.get(f"/v1/tasks/{running}").json()["state"] == "cancelled"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("tasks", "cancel", "ghost"), 4, "There is no task 'ghost'"),
        (("tasks", "show"), 2, "Which task?"),
        (("tasks", "--state", "nonsense"), 2, "nonsense"),
        (("tasks", "--url", "http://127.0.0.1:9"), 7, "No toolcrib server answers"),
    ],
)
def test_mistakes_end_with_the_promised_code(project: Path, words: tuple[str, ...], code: int, said: str) -> None:
    done = command(project, *words)
    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (code, True, False), done.stderr


def test_a_task_that_ended_otherwise_is_a_conflict_for_the_command_line(project: Path) -> None:
    (project.parent / "hold").unlink()
    with toolcrib.open_sync(project) as crib:
        heard: list[str] = []
        args = {"folder": str(project.parent), "name": "x"}
        task = crib.submit("again", args, callback=lambda record: heard.append(record.state))
        assert crib.tasks.wait(task, timeout_s=PATIENCE_S).state == "succeeded"
        assert crib.tasks.result(task).value == 1
        assert [record.id for record in crib.tasks.list(state="succeeded")] == [task]
        batch = crib.submit_batch([toolcrib.ToolCall(name="again", args=args)])
        assert crib.tasks.wait(batch.tasks[0], timeout_s=PATIENCE_S).ended
    assert heard == ["succeeded"]
    done = command(project, "tasks", "cancel", task)
    assert (done.returncode, "it is succeeded" in done.stderr) == (5, True)
    shown = command(project, "tasks", "show", task)
    assert "value: 1" in shown.stdout


def test_a_call_that_a_person_agrees_to_is_made(project: Path) -> None:
    closing = """
from toolcrib import tool

@tool(side_effect="write", approval="required")
def close_account(account: str) -> str:
    \"\"\"Close an account for ever.\"\"\"
    return f"{account} closed"
"""
    (project / "tools" / "closing.py").write_text(closing)
    with toolcrib.open_sync(project) as crib:
        error = crib.call("close_account", {"account": "A"}).error
        assert error is not None
        assert crib.tasks.status(error.task).state == "waiting"
        crib.tasks.resolve(error.task, "retry")
        ended = crib.tasks.wait(error.task, timeout_s=PATIENCE_S)
        assert (ended.state, crib.tasks.result(error.task).value) == ("succeeded", "A closed")

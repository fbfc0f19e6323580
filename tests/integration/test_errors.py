"""Errors over the life of real processes: remembered, and waiting for a person, when the process is gone."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

import toolcrib
from tests.integration.commands import toolcrib as command
from tests.integration.served import PATIENCE_S, serving
from toolcrib import ToolCall

TOOLS = '''
import os
import signal
from pathlib import Path
from toolcrib import tool

@tool(side_effect="read")
async def search(query: str) -> str:
    """Breaks."""
    raise ConnectionError("no route")

@tool(on_error={"ConnectionError": "manual"})
async def pay(folder: str) -> str:
    """Pays when it is mended."""
    if not (Path(folder) / "mended").exists():
        raise ConnectionError("down")
    with (Path(folder) / "paid").open("a") as file:
        file.write("paid\\n")
    return "paid"

@tool(on_error={"call_in_doubt": "manual"})
async def dies(folder: str) -> str:
    """Kills its process once."""
    if not (Path(folder) / "mended").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    return "survived"
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "tools").mkdir(parents=True)
    (root / "tools" / "works.py").write_text(TOOLS)
    return root


def listed(project: Path, *words: str) -> list[dict[str, Any]]:
    done = command(project, "tools", "errors", "search", "--json", *words)
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def test_the_command_line_lists_the_errors_of_a_server_while_it_runs_and_when_it_is_gone(project: Path) -> None:
    with serving(project) as (served, http):
        for tenant in ("acme", ""):
            http.post("/v1/tools/search/calls", json={"args": {"query": "x"}, "tenant": tenant})
        asked = listed(project, "--url", served.url)
        assert served.stop() == 0
    assert [(one["tenant"], one["code"], one["severity"]) for one in asked] == [
        ("", "tool_failed", "MEDIUM"),
        ("acme", "tool_failed", "MEDIUM"),
    ]
    assert listed(project) == asked
    assert listed(project, "--tenant", "acme") == asked[1:]
    assert listed(project, "--limit", "1") == asked[:1]
    table = command(project, "tools", "errors", "search")
    assert (table.returncode, "tool_failed" in table.stdout, "MEDIUM" in table.stdout) == (0, True, True)


def test_an_error_of_a_command_is_there_for_the_next_one(project: Path) -> None:
    assert command(project, "call", "search", "query=x").returncode == 1
    (error,) = listed(project)
    assert error["message"] == "Tool 'search' failed: ConnectionError: no route"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("tools", "errors", "serch"), 4, "Did you mean 'search'?"),
        (("tools", "errors"), 2, "Which tool's errors?"),
        (("tools", "errors", "search", "--limit", "0"), 2, "limit"),
    ],
)
def test_mistakes_end_with_the_promised_code(project: Path, words: tuple[str, ...], code: int, said: str) -> None:
    command(project, "deploy")
    done = command(project, *words)
    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (code, True, False), done.stderr


# calls that wait for a person


def parked(http: httpx.Client, project: Path, key: str = "") -> str:
    """The task in which a call of the broken tool waits."""
    headers = {"idempotency-key": key} if key else {}
    answer = http.post("/v1/tools/pay/calls", json={"args": {"folder": str(project.parent)}}, headers=headers)
    return str(answer.json()["error"]["task"])


def mend(project: Path) -> None:
    (project.parent / "mended").touch()


def test_calls_that_wait_for_a_person_wait_over_kill_9_and_are_resolved_afterwards(project: Path) -> None:
    with serving(project) as (served, http):
        direct = parked(http, project, "k")
        args = {"folder": str(project.parent)}
        with http.stream("GET", "/v1/events") as events:
            lines = events.iter_lines()
            background = http.post("/v1/tasks", json={"tool": "pay", "args": args}).json()["id"]
            assert "event: task.waiting" in lines  # reads up to it
        served.process.kill()
        served.process.wait(PATIENCE_S)

    (skipped,) = [json.loads(command(project, "tasks", "resolve", background, "--skip", "--json").stdout)]
    assert (skipped["state"], skipped["starts"]) == ("skipped", 1)
    waiting = json.loads(command(project, "tasks", "--state", "waiting", "--json").stdout)
    assert [one["id"] for one in waiting] == [direct]

    mend(project)
    queued = command(project, "tasks", "resolve", direct, "--retry")
    assert (queued.returncode, queued.stdout) == (0, f"{direct} is queued again\n")
    with toolcrib.open_sync(project) as crib:
        assert crib.tasks.wait(direct, timeout_s=PATIENCE_S).state == "succeeded"
        result = crib.call("pay", args, idempotency_key="k")
    assert (result.value, result.journaled) == ("paid", True)
    assert (project.parent / "paid").read_text() == "paid\n"


def test_a_person_resolves_on_the_command_line_what_a_server_holds(project: Path) -> None:
    with serving(project) as (served, http):
        at = ("--url", served.url, "tasks")
        answered, aborted, retried = [parked(http, project) for _ in range(3)]

        shown = command(project, *at, "show", answered)
        done = command(project, *at, "resolve", answered, "--answer", '{"receipt": 7}')
        failed = command(project, *at, "resolve", aborted, "--abort")
        mend(project)
        with http.stream("GET", "/v1/events") as events:
            lines = events.iter_lines()
            queued = command(project, *at, "resolve", retried, "--retry")
            assert "event: task.resolved" in lines
            assert "event: task.finished" in lines
        again = command(project, *at, "resolve", answered, "--skip")

        assert "tool_failed: Tool 'pay' failed: ConnectionError: down" in shown.stdout
        assert f"toolcrib tasks resolve {answered} --retry" in shown.stderr
        assert [one.stdout for one in (done, failed, queued)] == [
            f"{answered} succeeded\n",
            f"{aborted} failed\n",
            f"{retried} is queued again\n",
        ]
        assert (again.returncode, "it is succeeded" in again.stderr) == (5, True)
        assert http.get(f"/v1/tasks/{answered}").json()["result"]["value"] == {"receipt": 7}
        assert http.get(f"/v1/tasks/{retried}").json()["result"]["value"] == "paid"
        told = http.get("/metrics").text
    assert 'toolcrib_tasks_parked_total{tool="pay"} 3.0' in told
    assert 'toolcrib_tasks_resolved_total{decision="abort",tool="pay"} 1.0' in told


def test_a_call_whose_process_died_in_the_middle_is_put_before_a_person_when_it_comes_again(project: Path) -> None:
    call = {"args": {"folder": str(project.parent)}}
    with serving(project) as (served, http):
        with pytest.raises(httpx.HTTPError):
            http.post("/v1/tools/dies/calls", json=call, headers={"idempotency-key": "k"})
        served.process.wait(PATIENCE_S)
    mend(project)
    with serving(project) as (_, http):
        doubtful = http.post("/v1/tools/dies/calls", json=call, headers={"idempotency-key": "k"}).json()["error"]
        assert doubtful["code"] == "call_in_doubt"
        with http.stream("GET", "/v1/events") as events:
            lines = events.iter_lines()
            http.post(f"/v1/tasks/{doubtful['task']}/resolve", json={"decision": "retry"}).raise_for_status()
            assert "event: task.finished" in lines
        result = http.post("/v1/tools/dies/calls", json=call, headers={"idempotency-key": "k"}).json()
    assert (result["value"], result["journaled"]) == ("survived", True)


@pytest.mark.anyio
async def test_every_direct_way_to_call_puts_the_failure_before_a_person(project: Path) -> None:
    call = ToolCall(name="pay", args={"folder": str(project.parent)})
    async with toolcrib.open(project) as crib:
        results = [await crib.call(call.name, call.args), *await crib.call_many([call, ToolCall(name="ghost")])]
        results += [result async for _, result in crib.as_completed([call])]
        (bound,) = [one for one in crib.langchain_tools() if one.name == "pay"]
        await bound.ainvoke(dict(call.args))
        waiting = await crib.tasks.list(state="waiting")
    tasks = [result.error.task for result in results if result.error]
    assert [bool(task) for task in tasks] == [True, True, False, True]
    assert len(waiting) == 4
    assert {record.tool for record in waiting} == {"pay"}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("resolve",), 2, "Which task?"),
        (("resolve", "ghost"), 2, "What is decided?"),
        (("resolve", "ghost", "--retry", "--skip"), 2, "What is decided?"),
        (("resolve", "ghost", "--answer", "done"), 2, "--answer is no JSON"),
        (("resolve", "ghost", "--retry"), 4, "There is no task 'ghost'"),
        (("show", "ghost", "--retry"), 2, "--retry decides about a task"),
    ],
)
def test_mistakes_about_decisions_end_with_the_promised_code(
    project: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    done = command(project, "tasks", *words)
    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (code, True, False), done.stderr

"""Sensitive fields and secrets in a real server: used, and nowhere to be read."""

import hashlib
import json
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from tests.integration.commands import toolcrib as command
from tests.integration.served import PATIENCE_S, log_of, serving

CARD = "4111-2222-3333-4444"
PIN = "73-91-55-20"
STREET = "Elm Street 4711b"
TOKEN = "tok_live_9f8e7d6c5b"
KEY = "hunter2-hunter2-hunter2"
MODEL_KEY = "sk-0123456789abcdef"
SENSITIVE = (CARD, PIN, STREET, TOKEN)
SECRETS = (KEY, MODEL_KEY)

TOOLS = '''
import asyncio
import hashlib
import logging
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, SecretStr
from toolcrib import Resource, Secret, Sensitive, ToolContext, resource, tool

HERE = Path(__file__).parents[1]

class Address(BaseModel):
    street: str
    city: str

class Receipt(BaseModel):
    token: Annotated[str, Sensitive()]
    paid: int

class Declined(Exception):
    pass

def same(card, pin, address):
    """The tool was given the real values: their digest."""
    text = f"{card} {pin.get_secret_value()} {address.street}"
    return hashlib.sha256(text.encode()).hexdigest()

@tool(side_effect="idempotent")
async def pay(
    card: Annotated[str, Sensitive()], pin: SecretStr, address: Address, context: ToolContext, amount: int = 1
) -> Receipt:
    """Pay."""
    context.progress(0.5, f"charging {card}")
    (HERE / "paid.txt").write_text(same(card, pin, address))
    return Receipt(token=(HERE / "token.txt").read_text(), paid=amount)

@tool(on_error={"Declined": "manual"})
def decline(card: Annotated[str, Sensitive()], pin: SecretStr, address: Address) -> str:
    """Decline."""
    try:
        raise KeyError(card)
    except KeyError as error:
        raise Declined(f"{card} with {pin.get_secret_value()} of {address!r}") from error

@tool(isolation="process")
def decline_elsewhere(card: Annotated[str, Sensitive()], pin: SecretStr) -> str:
    """Decline elsewhere."""
    raise Declined(f"{card} with {pin.get_secret_value()}")

@tool(side_effect="idempotent")
async def wait_and_pay(
    card: Annotated[str, Sensitive()], pin: SecretStr, address: Address, context: ToolContext
) -> str:
    """Pay when allowed to."""
    context.progress(0.1, f"waiting with {card}")
    while (HERE.parent / "hold").exists():
        await asyncio.sleep(0.02)
    (HERE / "waited.txt").write_text(same(card, pin, address))
    return f"charged {card}"

@tool(side_effect="read")
async def fetch(key: Annotated[str, Secret("API_KEY")], how: str) -> dict:
    """Fetch."""
    logging.getLogger("the.project").warning("asking with %s", key)
    if how == "fail":
        raise ConnectionError(f"401 for https://api.example.com/?key={key}")
    return {"headers": [{"authorization": f"Bearer {key}"}]}

@resource
def database(key: Annotated[str, Secret("API_KEY")]):
    raise OSError(f"postgres://me:{key}@db refused")

@tool(side_effect="read")
async def look(db: Annotated[object, Resource(database)]) -> str:
    """Look."""
    return "never"
'''

GRAPH = """
import json
from pathlib import Path
from typing import TypedDict
from langgraph.graph import StateGraph
from toolcrib import ToolNode

ARGS = Path(__file__).parents[1] / "args.json"

class State(TypedDict, total=False):
    tool: str
    status: str

async def work(state, config):
    wish = {"tool": state["tool"], "tool_input": json.loads(ARGS.read_text()), "id": "c1"}
    return {"status": (await ToolNode().ainvoke(wish, config))["messages"][0].status}

graph = StateGraph(State)
graph.add_node("work", work)
graph.set_entry_point("work")
graph.set_finish_point("work")
"""

FILES = {
    "tools/bank.py": TOOLS,
    "graphs/till.py": GRAPH,
    "agents.yaml": "agents:\n"
    "  till: {kind: graph, graph: 'graphs/till.py:graph'}\n"
    "  helper: {model: offline, prompt: 'Key ${secret:MODEL_KEY}', model_options: {api_key: '${secret:MODEL_KEY}'}}\n",
    "tools.yaml": "tools:\n"
    + "".join(f'  {name}: {{sensitive: ["address.street"]}}\n' for name in ("pay", "decline", "wait_and_pay")),
    "toolcrib.yaml": "tasks: {workers: 2, lease_s: 1}\n",
}
ARGS: dict[str, Any] = {"card": CARD, "pin": PIN, "address": {"street": STREET, "city": "Springfield"}}
SHOWN = {"card": "[redacted]", "pin": "[redacted]", "address": {"street": "[redacted]", "city": "Springfield"}}
DIGEST = hashlib.sha256(f"{CARD} {PIN} {STREET}".encode()).hexdigest()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("API_KEY", KEY)
    monkeypatch.setenv("MODEL_KEY", MODEL_KEY)
    root = tmp_path / "project"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "args.json").write_text(json.dumps(ARGS))
    (root / "token.txt").write_text(TOKEN)
    return root


class Heard:
    """Everything a client was told: bodies, streams, and what the command line printed."""

    def __init__(self, http: httpx.Client) -> None:
        self.texts: list[str] = []
        self._http = http

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, path, json=body)
        self.texts.append(answer.text)
        return answer.json()

    def run(self, project: Path, *words: str) -> str:
        done = command(project, *words, "--url", str(self._http.base_url))
        self.texts += [done.stdout, done.stderr]
        return done.stdout

    def call(self, tool: str, args: dict[str, Any]) -> Any:
        return self.ask("POST", f"/v1/tools/{tool}/calls", {"args": args})

    def stream(self, body: dict[str, Any]) -> list[tuple[str, Any]]:
        with self._http.stream("POST", "/v1/agents/till/runs", json={**body, "stream": True}) as answer:
            lines = list(answer.iter_lines())
        self.texts += lines
        names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
        data = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
        return list(zip(names, data, strict=True))

    def task(self, tool: str, args: dict[str, Any], until: str) -> Any:
        """The task when it has come to this state."""
        task = self.ask("POST", "/v1/tasks", {"tool": tool, "args": args})
        return self.wait(task["id"], until)

    def wait(self, task_id: str, until: str) -> Any:
        while (task := self.ask("GET", f"/v1/tasks/{task_id}"))["state"] != until:
            assert task["state"] in ("queued", "running"), task
        return task


def listen(url: str, into: list[str]) -> Thread:
    """Collect the event stream until the server stops."""

    def read() -> None:
        with (
            suppress(httpx.HTTPError),  # a test that fails kills the server
            httpx.Client(base_url=url, timeout=PATIENCE_S) as http,
            http.stream("GET", "/v1/events") as events,
        ):
            into.extend(events.iter_lines())

    thread = Thread(target=read, daemon=True)
    thread.start()
    return thread


def stored(project: Path) -> Iterator[tuple[str, str]]:
    """`table.column` and text of every cell of the stores' database."""
    with sqlite3.connect(project / ".toolcrib" / "toolcrib.db") as db:
        tables = [name for (name,) in db.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            rows = db.execute(f"select * from {table}")  # names out of the database itself
            names = [column[0] for column in rows.description]
            for row in rows:
                for name, cell in zip(names, row, strict=True):
                    yield f"{table}.{name}", cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)


def calls_and_runs(heard: Heard, project: Path) -> None:
    """A good call, failing ones, wrong arguments, a run, an interrupt; what the tools get is real."""
    assert heard.ask("GET", "/v1/tools/pay")["sensitive"]["args"]["address"]["street"] is True
    paid = heard.call("pay", {**ARGS, "amount": 3})
    assert paid["value"] == {"token": TOKEN, "paid": 3}, "who calls gets the real result"
    heard.texts.remove(heard.texts[-1])
    assert (project / "paid.txt").read_text() == DIGEST
    declined = heard.call("decline", ARGS)["error"]
    assert "[redacted] with [redacted]" in declined["message"]
    assert heard.ask("GET", f"/v1/tasks/{declined['task']}")["args"] == SHOWN, "it waits for a person"
    assert "[redacted]" in heard.call("decline_elsewhere", {"card": CARD, "pin": PIN})["error"]["message"]
    for wrong in ({"card": [CARD]}, {"pin": {"is": PIN}}, {"address": STREET}, {"address": {"street": [STREET]}}):
        assert heard.call("pay", ARGS | wrong)["code"] == "arguments_invalid"
    assert heard.call("pay", {**ARGS, "crad": CARD})["code"] == "arguments_invalid"

    events = heard.stream({"input": {"tool": "pay"}, "thread_id": "t1"})
    started = next(data for name, data in events if name == "tool.started")
    result = next(data for name, data in events if name == "run.finished")
    assert started["args"] == SHOWN
    assert [step["value"] for step in result["trace"]] == [{"token": "[redacted]", "paid": 1}]
    assert result["output"] == {"tool": "pay", "status": "success"}

    asked = heard.ask("POST", "/v1/agents/till/runs", {"input": {"tool": "decline"}, "thread_id": "t2"})
    (question,) = asked["interrupts"]
    assert question["args"] == SHOWN
    assert "[redacted] with [redacted]" in question["error"]["message"]
    ended = heard.ask("POST", "/v1/agents/till/runs", {"resume": "abort", "thread_id": "t2"})
    assert ended["error"]["code"] == "tool_aborted"
    assert heard.ask("GET", "/v1/ledger")["summary"]["failed"] == 1


def secrets(heard: Heard) -> None:
    """Secrets in results, failures, resources, documents and in the project's own log lines."""
    assert heard.call("fetch", {"how": "well"})["value"] == {"headers": [{"authorization": "Bearer [secret:API_KEY]"}]}
    assert "?key=[secret:API_KEY]" in heard.call("fetch", {"how": "fail"})["error"]["message"]
    assert "me:[secret:API_KEY]@db" in heard.call("look", {})["error"]["message"]
    agent = heard.ask("GET", "/v1/agents/helper")
    assert (agent["prompt"], agent["model_options"]) == (
        "Key [secret:MODEL_KEY]",
        {"api_key": "[secret:MODEL_KEY]"},
    )
    assert "[secret:MODEL_KEY]" in json.dumps(heard.ask("GET", "/v1/agents"))


def tasks(heard: Heard, project: Path) -> str:
    """Tasks that succeed, fail and are refused, as the API and the command line tell them; one is left running."""
    good = heard.task("pay", ARGS, "succeeded")
    assert good["args"] == SHOWN
    assert good["message"] == "charging [redacted]"
    assert good["result"]["value"] == {"token": "[redacted]", "paid": 1}
    bad = heard.task("decline", ARGS, "waiting")
    assert "[redacted] with [redacted]" in bad["error"]
    answered = heard.ask("POST", f"/v1/tasks/{bad['id']}/resolve", {"decision": "answer", "value": f"see {CARD}"})
    assert answered["result"]["value"] == "see [redacted]"
    assert "[redacted]" in json.dumps(heard.ask("GET", "/v1/tools/decline/errors"))
    refused = heard.ask("POST", "/v1/tasks", {"tool": "pay", "args": ARGS | {"card": [CARD]}})
    assert refused["code"] == "arguments_invalid"
    heard.ask("GET", "/v1/tasks")
    assert '"card": "[redacted]"' in heard.run(project, "tasks", "show", good["id"])
    heard.run(project, "tasks")
    (project.parent / "hold").touch()
    waiting = heard.task("wait_and_pay", ARGS, "running")
    return str(waiting["id"])


def command_line(heard: Heard, project: Path) -> None:
    args = json.dumps(ARGS)
    assert json.loads(heard.run(project, "call", "pay", args, "--json"))["value"]["token"] == "[redacted]"
    heard.run(project, "call", "decline", args)
    shown = heard.run(project, "tools", "show", "pay")
    assert "sensitive arguments: card, pin, address.street" in shown
    assert "sensitive result: token" in shown
    heard.run(project, "agents", "show", "helper")
    heard.run(project, "runs", "--json")


def test_nothing_sensitive_and_no_secret_is_told_by_a_server_or_kept_but_where_it_is_needed(project: Path) -> None:
    told: list[str] = []
    with serving(project, watch="yes") as (served, http):
        events: list[str] = []
        listener = listen(served.url, events)
        heard = Heard(http)
        calls_and_runs(heard, project)
        secrets(heard)
        task = tasks(heard, project)
        command_line(heard, project)
        served.process.send_signal(signal.SIGINT)
        listener.join(PATIENCE_S)
        assert served.stop() == 0, "a second signal ends the wait for the task"
        told += [*heard.texts, *events, log_of(project).read_text()]
    assert any("tool.finished" in line for line in events)
    assert any('"message":"charging [redacted]"' in line for line in events)
    assert "tool raised" in told[-1], "the log at its most talkative is what was looked at"
    assert "asking with [secret:API_KEY]" in told[-1]

    (project.parent / "hold").unlink()
    with serving(project) as (served, http):
        heard = Heard(http)
        done = heard.wait(task, "succeeded")
        assert (project / "waited.txt").read_text() == DIGEST, "a kept task runs with its real arguments"
        assert done["result"]["value"] == "charged [redacted]"
        assert served.stop() == 0
        told += [*heard.texts, log_of(project).read_text()]

    for text in (*SENSITIVE, *SECRETS):
        assert [one for one in told if text in one] == [], text
    kept = {place for place, cell in stored(project) if any(text in cell for text in SENSITIVE)}
    assert kept == {"toolcrib_tasks.args", "toolcrib_tasks.result", "toolcrib_journal.result"}
    assert not [place for place, cell in stored(project) if any(text in cell for text in SECRETS)]

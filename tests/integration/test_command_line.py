"""The command line as a script meets it: real processes, their output on the right stream, their exit codes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.commands import fresh, toolcrib
from toolcrib.loader.cold.facts import read_facts
from toolcrib.loader.cold.started import leave

TOOL = '''
from toolcrib import ToolError, tool

@tool(side_effect="read")
def order_status(order_id: str) -> dict:
    """Where an order is.

    Args:
        order_id: the order's id, e.g. A-42.
    """
    if order_id != "A-42":
        raise ToolError(f"There is no order {order_id!r}.", hint="Try A-42.")
    return {"order": order_id, "status": "shipped"}
'''


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shop")
    (root / "tools").mkdir()
    (root / "tools" / "orders.py").write_text(TOOL)
    return root


def test_a_good_call_prints_its_value_on_stdout_and_ends_with_0(project: Path) -> None:
    done = fresh(project, "call", "order_status", "order_id=A-42")

    assert (done.returncode, json.loads(done.stdout)) == (0, {"order": "A-42", "status": "shipped"})


def test_a_call_that_fails_says_why_on_stderr_and_ends_with_1(project: Path) -> None:
    done = toolcrib(project, "call", "order_status", "order_id=B-1")

    assert (done.returncode, done.stdout) == (1, "")
    assert "There is no order 'B-1'." in done.stderr
    assert "Try A-42." in done.stderr


def test_json_is_one_document_also_for_failures(project: Path) -> None:
    done = toolcrib(project, "--json", "call", "order_status", "order_id=B-1")

    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] == "tool_error"


@pytest.mark.parametrize(
    ("words", "code", "name"),
    [
        (("--json", "call", "order_statu"), 4, "tool_not_found"),
        (("call", "order_status", "--json"), 1, "arguments_invalid"),
        (("releases", "--no-such-option", "--json"), 2, "usage"),
        (("call", "--json"), 2, "usage"),
        (("--json", "--project", "no-such-directory", "tools"), 3, "project_invalid"),
    ],
)
def test_with_json_a_command_without_data_tells_a_problem_on_stderr(
    project: Path, words: tuple[str, ...], code: int, name: str
) -> None:
    done = toolcrib(project, *words)

    assert (done.returncode, done.stdout, json.loads(done.stderr)["code"]) == (code, "", name)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("call", "order_statu", "order_id=A-42"), 4, "Did you mean 'order_status'?"),
        (("call", "order_status", "{"), 2, "no JSON"),
        (("run", "nobody", "hello"), 4, "There is no agent named 'nobody'"),
        (("run", "nobody"), 2, "nothing to ask"),
        (("run", "nobody", "hi", "--resume", "yes"), 2, "a question and --resume"),
        (("run", "nobody", "--resume", "yes"), 2, "Add --thread"),
        (("run", "nobody", "--resume", "yes", "--thread", "t"), 5, "Nothing waits for an answer on thread 't'."),
        (("run", "nobody", "hi", "--tier", "huge"), 2, "'huge' is not one of 'simple', 'medium', 'complex'"),
        (("nonsense",), 2, "No such command"),
        (("tools", "show", "order_statu"), 4, "Did you mean"),
        (("call", "order_status", "order_id=42"), 1, "There is no order '42'."),
        (("tools", "explain", "order_status", "--agent", "nope"), 4, "There is no agent named 'nope'"),
        (("rollback", "r-ffffffff"), 4, "no release"),
        (("--url", "http://127.0.0.1:9", "tools"), 7, "No toolcrib server answers"),
        (("--url", "nowhere", "tools"), 2, "no server address"),
        (("tools", "--project", "no-such-directory"), 3, "is not a directory"),
    ],
)
def test_mistakes_end_with_the_promised_code_and_no_traceback(
    project: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    done = toolcrib(project, *words)

    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (code, True, False), done.stderr


GRAPH = """
from typing import TypedDict
from langgraph.graph import StateGraph

class State(TypedDict, total=False):
    name: str
    answer: str

def greet(state):
    return {"answer": "hello " + state["name"]}

graph = StateGraph(State)
graph.add_node("greet", greet)
graph.set_entry_point("greet")
"""


def test_a_graph_takes_its_state_and_says_so_when_it_is_given_text(tmp_path: Path) -> None:
    (tmp_path / "graphs").mkdir()
    (tmp_path / "graphs" / "greeter.py").write_text(GRAPH)
    (tmp_path / "agents.yaml").write_text('agents: {greeter: {kind: graph, graph: "graphs/greeter.py:graph"}}\n')

    text = toolcrib(tmp_path, "run", "greeter", "Ada")
    state = toolcrib(tmp_path, "run", "greeter", "--input", "-", given='{"name": "Ada"}')
    broken = toolcrib(tmp_path, "run", "greeter", "--input", '{"answer": "?"}')
    tiered = toolcrib(tmp_path, "run", "greeter", "--input", "{}", "--tier", "simple")

    assert (text.returncode, text.stdout) == (2, "")
    assert "--input JSON, with keys of: name, answer." in text.stderr.splitlines()[1]
    assert (state.returncode, json.loads(state.stdout)["answer"]) == (0, "hello Ada")
    assert (tiered.returncode, "It has no tiers" in tiered.stderr) == (2, True)
    assert broken.stderr.splitlines() == [
        '  at graphs/greeter.py:10 in greet: return {"answer": "hello " + state["name"]}',
        "error: KeyError: 'name'",
    ]


def test_outside_of_a_project_it_says_how_to_make_one(tmp_path: Path) -> None:
    done = toolcrib(tmp_path, "tools")

    assert done.returncode == 3
    assert "toolcrib init" in done.stderr


def test_deploy_outside_of_a_project_takes_the_directory_as_the_project(project: Path, tmp_path: Path) -> None:
    done = toolcrib(tmp_path, "deploy", str(project))

    assert done.returncode == 0, done.stderr
    assert (project / ".toolcrib" / "toolcrib.db").exists()
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_names_missing_keys_and_what_is_wrong_with_the_settings(tmp_path: Path) -> None:
    (tmp_path / "agents.yaml").write_text("agents: {a: {model: 'openai:gpt-5-mini'}, b: {model: offline}}\n")
    variant = "{variants: {v: {agents: {b: {model: 'anthropic:claude-haiku-4-5'}}}}}"
    (tmp_path / "tools.yaml").write_text(f"experiments: {{e: {variant}}}\n")
    keys = {"OPENAI_API_KEY", "ANTHROPIC_API_KEY"}
    keyless = {key: value for key, value in os.environ.items() if key not in keys}

    found = json.loads(toolcrib(tmp_path, "doctor", "--json", env=keyless).stdout)
    (tmp_path / "toolcrib.yaml").write_text("server: {port: many}\n")
    broken = toolcrib(tmp_path, "doctor")

    told = [one["detail"] for one in found if one["name"] == "model key"]
    assert ["OPENAI_API_KEY" in told[0], "ANTHROPIC_API_KEY" in told[1]] == [True, True]
    assert broken.returncode == 1
    assert "the first at toolcrib.yaml:1:16" in broken.stdout


def test_verify_draws_all_reasons_with_carets_and_ends_with_3(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "a.py").write_text("def broken(:\n    pass\n")
    (tmp_path / "agents.yaml").write_text("agents:\n  support: {tols: []}\n")

    done = toolcrib(None, "verify", str(tmp_path))

    assert done.returncode == 3
    assert "--> tools/a.py:1:12" in done.stderr
    assert "--> agents.yaml:2:13" in done.stderr, "all reasons at once"
    assert "def broken(:" in done.stderr
    assert done.stdout == ""


def test_deploy_rejects_with_6_and_goes_on_serving(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    tool = tmp_path / "tools" / "orders.py"
    tool.write_text(TOOL)
    assert toolcrib(tmp_path, "deploy").returncode == 0
    tool.write_text(TOOL.replace("order_id: str", "order_id: str,,"))

    rejected = toolcrib(tmp_path, "deploy")
    called = toolcrib(tmp_path, "call", "order_status", "order_id=A-42")

    assert rejected.returncode == 6
    assert "tools/orders.py:5:" in rejected.stderr
    assert called.returncode == 0, "the last good release answers"
    assert "goes on serving" in called.stderr
    tool.write_text(TOOL.replace("shipped", "delivered"))
    assert "delivered" in toolcrib(tmp_path, "call", "order_status", "order_id=A-42").stdout
    back = toolcrib(tmp_path, "rollback")
    assert (back.returncode, "is live again" in back.stdout) == (0, True)
    assert "shipped" in toolcrib(tmp_path, "call", "order_status", "order_id=A-42").stdout
    told = toolcrib(tmp_path, "releases")
    history = told.stdout.partition("deployed ")[2].splitlines()[1:]
    assert [line.split()[2] for line in history][:2] == ["rolled_back", "active"]
    assert told.stderr == "", "the history is data"


def test_a_restart_that_a_serving_process_needs_is_told_by_deploy_and_doctor(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "orders.py").write_text(TOOL)
    state = tmp_path / ".toolcrib"
    state.mkdir()
    leave(state, read_facts(tmp_path, env={}, before={}), token="of a server that runs")
    (tmp_path / "requirements.txt").write_text("httpx\n")

    done = toolcrib(tmp_path, "deploy", "--json")
    doctor = toolcrib(tmp_path, "doctor")

    assert (done.returncode, "! needs a rolling restart: requirements.txt" in done.stderr) == (0, True), done.stderr
    assert [change["file"] for change in json.loads(done.stdout)["restart_needed"]] == ["requirements.txt"]
    assert "warn  restart     the server needs a rolling restart: requirements.txt" in doctor.stdout


def test_what_a_project_prints_stays_out_of_the_data(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    noisy = 'print("imported")\n' + TOOL.replace("    if order_id", '    print("called")\n    if order_id')
    (tmp_path / "tools" / "orders.py").write_text(noisy)

    called = toolcrib(tmp_path, "call", "order_status", "order_id=A-42", "--json")

    assert json.loads(called.stdout)["value"]["status"] == "shipped"
    assert "called" in called.stderr


BANK = '''
from typing import Annotated
from pydantic import SecretStr
from toolcrib import Sensitive, tool

@tool
def pay(card: Annotated[str, Sensitive()], pin: SecretStr) -> Annotated[str, Sensitive()]:
    """Pay."""
    return f"token-{pin.get_secret_value()}"
'''


def test_without_a_server_nothing_sensitive_and_no_secret_is_printed_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOLCRIB_TEST_KEY", "hunter2-hunter2")
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "bank.py").write_text(BANK)
    (tmp_path / "agents.yaml").write_text("agents: {a: {model: offline, prompt: '${secret:TOOLCRIB_TEST_KEY}'}}\n")
    paid = toolcrib(tmp_path, "call", "pay", "card=4111-1111", "pin=abc-123")
    assert (paid.returncode, paid.stdout) == (0, "[redacted]\n")
    shown = toolcrib(tmp_path, "tools", "show", "pay")
    assert shown.stdout.endswith("sensitive arguments: card, pin\nsensitive result: *\n")
    agents = toolcrib(tmp_path, "agents", "show", "a")
    assert json.loads(agents.stdout)["prompt"] == "[secret:TOOLCRIB_TEST_KEY]"
    assert "hunter2" not in agents.stdout + agents.stderr


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999", "http://[::1", "http://", "127.0.0.1:2024"])
def test_what_is_no_server_address_is_a_mistake_of_the_command_line(url: str, project: Path) -> None:
    done = toolcrib(project, "--url", url, "tools")
    assert (done.returncode, "is no server address" in done.stderr) == (2, True)


def test_explain_shows_the_effective_policy_and_where_each_value_comes_from(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "orders.py").write_text(TOOL)
    (tmp_path / "tools.yaml").write_text(
        "defaults: {timeout_s: 9}\nper_tenant: {acme: {order_status: {rate_limit: 10/minute}}}\n"
    )
    explain = ("tools", "explain", "order_status", "--json")

    everybody = json.loads(toolcrib(tmp_path, *explain).stdout)
    acme = json.loads(toolcrib(tmp_path, *explain, "--tenant", "acme").stdout)
    unknown = toolcrib(tmp_path, "tools", "explain", "order_statu")

    assert everybody["policy"]["timeout_s"] == {"value": 9.0, "from": "defaults in tools.yaml:1"}
    assert everybody["policy"]["side_effect"] == {"value": "read", "from": "@tool in tools/orders.py:4"}
    assert everybody["policy"]["rate_limit"] == {"value": None, "from": "built-in default"}
    assert acme["scope"] == "per_tenant.acme"
    assert acme["policy"]["rate_limit"]["value"]["calls"] == 10
    assert acme["policy"]["rate_limit"]["from"] == "per_tenant.acme.order_status in tools.yaml:2"
    assert (unknown.returncode, "order_status" in unknown.stderr) == (4, True)


SLOW = """
import time
from toolcrib import tool

@tool(side_effect="none")
def block(hours: int) -> str:
    '''Block for so many hours.'''
    print("working", flush=True)
    time.sleep(60)
    return "done"
"""
BLOCKER = "agents:\n  blocker: {model: offline, tools: [block]}\n"
TERMINATED = 143


@pytest.mark.parametrize(
    ("words", "signals", "code"),
    [
        (("call", "block", "hours=5"), [signal.SIGINT], 130),
        (("run", "blocker", "block 5 hours"), [signal.SIGINT, signal.SIGINT], 130),
        (("run", "blocker", "block 5 hours"), [signal.SIGTERM], TERMINATED),
    ],
)
def test_a_signal_ends_with_its_code_and_one_line_and_the_run_is_cancelled(
    tmp_path: Path, words: tuple[str, ...], signals: list[signal.Signals], code: int
) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "slow.py").write_text(SLOW)
    (tmp_path / "agents.yaml").write_text(BLOCKER)
    command = [sys.executable, "-m", "toolcrib", *words]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "working\n", "what a tool prints is no data"
        for signum in signals:
            process.send_signal(signum)
        _, errors = process.communicate(timeout=30)

    assert (process.returncode, errors) == (code, "Interrupted.\n")
    ledger = json.loads(toolcrib(tmp_path, "runs", "--json").stdout)
    assert [run["status"] for run in ledger["runs"]] == ["cancelled"] * (words[0] == "run")


INTERRUPTED_IMPORT = """
import signal, sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "typer":
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
from toolcrib.__main__ import main
main()
"""


def test_ctrl_c_before_anything_is_open_ends_at_once_without_a_traceback() -> None:
    command = [sys.executable, "-c", INTERRUPTED_IMPORT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "Interrupted.\n")


def test_a_database_that_cannot_be_used_is_one_line_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / ".toolcrib").mkdir()
    (tmp_path / ".toolcrib" / "toolcrib.db").write_bytes(b"no database " * 1_000)
    done = toolcrib(tmp_path, "releases")

    assert (done.returncode, done.stdout) == (1, "")
    assert "toolcrib.db: file is not a database" in done.stderr
    assert "Traceback" not in done.stderr


def test_version_and_schemas_need_no_project(tmp_path: Path) -> None:
    assert toolcrib(tmp_path, "--version").stdout.startswith("toolcrib ")
    written = toolcrib(tmp_path, "schema", "--write", "schemas")

    assert written.returncode == 0
    assert sorted(path.name for path in (tmp_path / "schemas").iterdir()) == [
        "agents.schema.json",
        "toolcrib.schema.json",
        "tools.schema.json",
    ]

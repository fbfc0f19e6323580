"""The command line as a script meets it: real processes, their output on the right stream, their exit codes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

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

Done = subprocess.CompletedProcess[str]


def toolcrib(project: Path | None, *words: str, given: str = "") -> Done:
    """Run a command in the project's directory."""
    return subprocess.run(
        [sys.executable, "-m", "toolcrib", *words],
        cwd=project,
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={key: value for key, value in os.environ.items() if key != "TOOLCRIB_URL"},
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shop")
    (root / "tools").mkdir()
    (root / "tools" / "orders.py").write_text(TOOL)
    return root


def test_a_good_call_prints_its_value_on_stdout_and_ends_with_0(project: Path) -> None:
    done = toolcrib(project, "call", "order_status", "order_id=A-42")

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
    ("words", "code", "said"),
    [
        (("call", "order_statu", "order_id=A-42"), 4, "Did you mean 'order_status'?"),
        (("call", "order_status", "{"), 2, "no JSON"),
        (("run", "nobody", "hello"), 4, "There is no agent named 'nobody'"),
        (("run", "nobody"), 2, "nothing to ask"),
        (("nonsense",), 2, "No such command"),
        (("tools", "show", "order_statu"), 4, "Did you mean"),
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


def test_outside_of_a_project_it_says_how_to_make_one(tmp_path: Path) -> None:
    done = toolcrib(tmp_path, "tools")

    assert done.returncode == 3
    assert "toolcrib init" in done.stderr


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
    listed = json.loads(toolcrib(tmp_path, "releases", "--json").stdout)
    assert [deployment["state"] for deployment in listed["history"]][:2] == ["rolled_back", "active"]


def test_what_a_project_prints_stays_out_of_the_data(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    noisy = 'print("imported")\n' + TOOL.replace("    if order_id", '    print("called")\n    if order_id')
    (tmp_path / "tools" / "orders.py").write_text(noisy)

    called = toolcrib(tmp_path, "call", "order_status", "order_id=A-42", "--json")

    assert json.loads(called.stdout)["value"]["status"] == "shipped"
    assert "called" in called.stderr


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


def test_ctrl_c_ends_with_130_and_one_line(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    slow = TOOL.replace(
        "    if order_id", '    print("working", flush=True)\n    import time; time.sleep(60)\n    if order_id'
    )
    (tmp_path / "tools" / "orders.py").write_text(slow)
    command = [sys.executable, "-m", "toolcrib", "call", "order_status", "order_id=A-42"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "working\n", "what a tool prints is no data"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)

    assert (process.returncode, errors.strip().splitlines()[-1:]) == (130, ["Interrupted."])


def test_version_and_schemas_need_no_project(tmp_path: Path) -> None:
    assert toolcrib(tmp_path, "--version").stdout.startswith("toolcrib ")
    written = toolcrib(tmp_path, "schema", "--write", "schemas")

    assert written.returncode == 0
    assert sorted(path.name for path in (tmp_path / "schemas").iterdir()) == [
        "agents.schema.json",
        "toolcrib.schema.json",
        "tools.schema.json",
    ]

"""The commands around canaries: on the project's own store, and told to a running server."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.commands import toolcrib
from tests.integration.served import serving
from tests.integration.test_command_line import TOOL


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose first release serves."""
    root = tmp_path / "shop"
    (root / "tools").mkdir(parents=True)
    edit(root, "shipped")
    assert toolcrib(root, "deploy").returncode == 0
    return root


def edit(root: Path, state: str) -> None:
    (root / "tools" / "orders.py").write_text(TOOL.replace("shipped", state))


def releases(root: Path, *more: str) -> dict[str, Any]:
    listed: dict[str, Any] = json.loads(toolcrib(root, "releases", "--json", *more).stdout)
    return listed


def waiting(root: Path, words: list[str]) -> subprocess.Popen[str]:
    environment = {key: value for key, value in os.environ.items() if key != "TOOLCRIB_URL"}
    command = [sys.executable, "-m", "toolcrib", *words]
    return subprocess.Popen(
        command, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_canary_is_begun_looked_at_changed_and_promoted_without_a_server(project: Path) -> None:
    stable = releases(project)["current"]
    edit(project, "delivered")

    begun = toolcrib(project, "deploy", "--canary", "10", "--tenants", "acme", "--bake", "20m", "--why", "faster")
    canary = begun.stdout.split()[0]
    assert (begun.returncode, "is live for a part" in begun.stdout) == (0, True), begun.stderr

    shown = toolcrib(project, "canary")
    assert f"{canary} beside {stable}: 10 % and acme" in shown.stdout
    assert "go on: 1" in shown.stdout, "of twenty minutes"
    assert "--url" in shown.stderr, "this process served nothing"
    assert "delivered" in toolcrib(project, "call", "order_status", "order_id=A-42", "--tenant", "acme").stdout

    assert toolcrib(project, "canary", "25%", "--why", "so far so good").returncode == 0
    listed = toolcrib(project, "releases").stdout
    for words in ("25 % of threads (canary), acme", "all others", "so far so good"):
        assert words in listed
    nobody = toolcrib(project, "canary", "101")
    assert (nobody.returncode, "no percentage" in nobody.stderr) == (2, True)

    promoted = toolcrib(project, "promote")
    assert (promoted.returncode, promoted.stdout) == (0, f"{canary} is live for all\n")
    assert releases(project)["channel"] == {"stable": canary, "canary": None, "held": {}}
    again = toolcrib(project, "promote")
    assert (again.returncode, "There is no canary" in again.stderr) == (4, True)
    assert toolcrib(project, "canary").returncode == 4


def test_a_release_is_kept_a_tenant_is_held_and_a_canary_is_ended(project: Path) -> None:
    stable = releases(project)["current"]
    edit(project, "delivered")
    kept = toolcrib(project, "deploy", "--inactive")
    assert "is kept; it serves nobody" in kept.stdout
    states = {one["id"]: one["state"] for one in releases(project)["releases"]}
    other = kept.stdout.split()[0]
    assert states == {stable: "active", other: "inactive"}

    held = toolcrib(project, "releases", "hold", other, "--tenant", "acme")
    assert held.stdout == f"acme sees {other}\n"
    assert "acme (held)" in toolcrib(project, "releases").stdout
    missing = toolcrib(project, "releases", "hold", other)
    assert (missing.returncode, "toolcrib releases hold r-1a2b3c4d --tenant acme" in missing.stderr) == (2, True)
    assert toolcrib(project, "releases", "unhold", "--tenant", "acme").stdout == "acme sees what all others see\n"

    assert toolcrib(project, "deploy", "--canary", "100").returncode == 0
    zero = toolcrib(project, "canary", "0")
    assert (zero.returncode, "obody would see" in zero.stderr) == (2, True), zero.stderr
    ended = toolcrib(project, "canary", "end", "--why", "enough")
    assert ended.stdout == f"{other} serves nobody any more\n"
    newest = releases(project)["history"][0]
    assert (newest["state"], newest["why"], newest["actor"]) == ("withdrawn", "enough", "cli")


def test_the_same_commands_reach_a_running_server(project: Path) -> None:
    stable = releases(project)["current"]
    with serving(project) as (served, http):
        at = ("--url", served.url)
        edit(project, "delivered")
        begun = json.loads(toolcrib(project, "deploy", "--canary", "50", "--bake", "1h", "--json", *at).stdout)
        canary = begun["release"]
        for number in range(40):
            body = {"args": {"order_id": "A-42"}, "tenant": f"t{number}"}
            assert http.post("/v1/tools/order_status/calls", json=body).json()["ok"]
        shown = toolcrib(project, "canary", *at).stdout
        assert f"{canary} beside {stable}: 50 %" in shown
        assert "calls p95" in shown
        assert toolcrib(project, "canary", "75", *at).returncode == 0
        assert http.get("/v1/canary").json()["percent"] == 75
        assert toolcrib(project, "releases", "hold", stable, "--tenant", "acme", *at).returncode == 0
        listed = releases(project, *at)
        assert listed["channel"]["held"] == {"acme": stable}
        assert toolcrib(project, "rollback", "--why", "no", *at).stdout.startswith(f"{canary} is rolled back")
        assert toolcrib(project, "canary", "end", *at).returncode == 4
        assert served.stop() == 0


def test_waiting_tells_when_something_else_was_deployed_instead(project: Path) -> None:
    with serving(project) as (served, http):
        edit(project, "delivered")
        command = ["deploy", "--canary", "10", "--wait", "--url", served.url]
        with waiting(project, command) as process:
            assert process.stderr
            assert "is a canary" in process.stderr.readline()
            edit(project, "lost")
            http.post("/v1/deployments").raise_for_status()
            _, errors = process.communicate(timeout=60)
        assert (process.returncode, "replaced by another deployment" in errors) == (5, True), errors
        assert served.stop() == 0

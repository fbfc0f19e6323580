"""Drains, censuses and collections by command and request, told to a running server."""

import json
import threading
from pathlib import Path

import httpx
import pytest

from tests.integration.commands import toolcrib
from tests.integration.draining.test_restart import a_run_in_its_first_step, only_run, write
from tests.integration.draining.test_restart import project as project  # a fixture
from tests.integration.served import Served, serving


def drained_by_request(served: Served, http: httpx.Client, old: str, hold: Path) -> None:
    body = {"deadline_s": 30, "cooperative": True, "why": "memory"}
    threading.Timer(0.2, hold.unlink).start()
    told = http.post(f"/v1/releases/{old}/drain", json=body).json()
    assert (told["state"], [one["became"] for one in told["stopped"]]) == ("retired", ["drained"])


def test_an_operator_drains_a_release_and_lets_its_run_go_on(project: Path) -> None:
    with serving(project) as (served, http), a_run_in_its_first_step(served):
        at = ("--url", served.url)
        old = http.get("/v1/releases").json()["current"]
        refused = toolcrib(project, "releases", "drain", old, *at)
        assert (refused.returncode, "serves" in refused.stderr) == (5, True)
        write(project, "v2")
        assert http.post("/v1/deployments").json()["state"] == "active"

        busy = http.post(f"/v1/releases/{old}/drain")
        assert (busy.status_code, busy.json()["code"]) == (409, "release_in_use")
        assert "1 run" in busy.json()["detail"]
        shown = toolcrib(project, "releases", "--users", *at).stdout
        (line,) = [line for line in shown.splitlines() if line.startswith(old)]
        assert line.split()[1:5] == ["draining", "yes", "1", "run"]

        drained_by_request(served, http, old, project.parent / "hold")
        run = only_run(http)
        assert run["status"] == "drained"
        uses = {use["release"]: use for use in http.get("/v1/releases/users").json()}
        assert (uses[old]["in_memory"], uses[old]["stopped"]) == (False, 1)
        resumed = toolcrib(project, "runs", "resume", run["run_id"], *at)
        assert (resumed.returncode, "v1 two" in resumed.stdout) == (0, True), resumed.stderr
        assert http.post(f"/v1/runs/{run['run_id']}/resume").status_code == 409
        again = toolcrib(project, "releases", "drain", old, "--hard", *at, "--json")
        assert json.loads(again.stdout)["state"] in ("retired", "absent")

        assert http.post("/v1/releases/gc", json={"keep": 1}).json()["dry_run"] is True
        listed = toolcrib(project, "releases", "gc", "--keep", "1", *at)
        assert (listed.returncode, listed.stdout) == (0, f"{old} would be collected\n")
        done = toolcrib(project, "releases", "gc", "--keep", "1", "--yes", *at)
        assert (done.returncode, done.stdout) == (0, f"{old} collected\n")
        gone = toolcrib(project, "rollback", old, *at)
        assert (gone.returncode, "its files are gone" in gone.stderr) == (4, True)


@pytest.mark.parametrize(
    ("words", "hint"),
    [(("drain",), "Which release?"), (("drain", "r-1"), "--url"), (("drain", "r-1", "--deadline", "soon"), "length")],
)
def test_a_drain_needs_a_release_a_server_and_a_length_of_time(
    tmp_path: Path, words: tuple[str, ...], hint: str
) -> None:
    url = ("--url", "http://127.0.0.1:9") if "soon" in words else ()
    told = toolcrib(tmp_path, "releases", *words, *url)
    assert (told.returncode, hint in told.stderr) == (2, True), told.stderr

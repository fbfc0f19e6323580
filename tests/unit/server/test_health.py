"""Does it live, and should it get requests?"""

from pathlib import Path

import pytest

from tests.unit.server.conftest import Door, open_door, write_project

pytestmark = pytest.mark.anyio


async def test_a_serving_project_is_alive_and_ready(reading: Door) -> None:
    assert (await reading.http.get("/ok")).json() == {"ok": True}
    assert (await reading.http.get("/livez")).status_code == 200
    ready = await reading.http.get("/readyz")
    assert (ready.status_code, ready.json()["ok"]) == (200, True)
    assert {name: check["ok"] for name, check in ready.json()["checks"].items()} == {
        "release": True,
        "accepting": True,
        "newest_tree": True,
    }
    assert reading.crib.release.id in ready.json()["checks"]["release"]["detail"]


async def test_a_server_that_stops_is_alive_and_not_ready(door: Door) -> None:
    door.stop.set()
    ready = await door.http.get("/readyz")
    assert (ready.status_code, ready.json()["checks"]["accepting"]["ok"]) == (503, False)
    assert (await door.http.get("/livez")).status_code == 200


async def test_a_restart_that_is_due_is_told_and_leaves_the_server_ready(door: Door) -> None:
    assert (await door.http.get("/readyz")).json()["restart_needed"] == []
    (door.root / "toolcrib.yaml").write_text("runs: {concurrency: 3}\n")
    deployed = (await door.http.post("/v1/deployments")).json()
    ready = await door.http.get("/readyz")
    assert (ready.status_code, ready.json()["ok"]) == (200, True)
    (change,) = ready.json()["restart_needed"]
    assert (change["kind"], change["file"], change["items"]) == ("settings", "toolcrib.yaml", ["runs.concurrency"])
    history = (await door.http.get("/v1/releases")).json()["history"]
    assert deployed["restart_needed"] == history[0]["restart_needed"] == [change]
    assert "toolcrib_restart_needed 1.0" in (await door.http.get("/metrics")).text


async def test_a_project_without_a_release_is_not_ready_and_answers_503(tmp_path: Path) -> None:
    async with open_door(write_project(tmp_path), deploy=False) as door:
        ready = await door.http.get("/readyz")
        assert (ready.status_code, ready.json()["checks"]["release"]["ok"]) == (503, False)
        assert (await door.http.get("/v1/releases")).json()["current"] == ""
        for answer in (
            await door.http.get("/v1/tools"),
            await door.http.get("/v1/agents"),
            await door.http.post("/v1/tools/greet/calls", json={}),
            await door.http.post("/v1/agents/greeter/runs", json={"question": "hi"}),
        ):
            assert (answer.status_code, answer.json()["retryable"]) == (503, True)
        assert (await door.http.post("/v1/deployments")).status_code == 200
        assert (await door.http.get("/readyz")).status_code == 200


async def test_after_a_roll_back_the_newest_tree_does_not_serve_and_the_server_is_ready(door: Door) -> None:
    tools = door.root / "tools" / "words.py"
    tools.write_text(tools.read_text().replace("hello", "good day"))
    second = (await door.http.post("/v1/deployments")).json()["release"]
    await door.http.post("/v1/rollback")

    ready = await door.http.get("/readyz")

    assert ready.status_code == 200
    newest = ready.json()["checks"]["newest_tree"]
    assert (newest["ok"], second in newest["detail"]) == (False, True)

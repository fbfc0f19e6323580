"""Who sees which release, over HTTP: the canary begun, shown, changed, ended and promoted; tenants held."""

from typing import Any

import pytest

from tests.unit.server.conftest import Door

pytestmark = pytest.mark.anyio


async def begun(door: Door, **body: Any) -> str:
    """A canary that greets otherwise; its id."""
    door.tools.write_text(door.tools.read_text().replace("hello", "hi"))
    answer = await door.http.post("/v1/deployments", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["release"])


async def greeting(door: Door, tenant: str = "") -> str:
    body = {"args": {"name": "Ada"}, "tenant": tenant}
    return str((await door.http.post("/v1/tools/greet/calls", json=body)).json()["value"])


async def test_a_canary_is_begun_shown_changed_and_promoted(door: Door) -> None:
    stable = door.crib.release.id
    canary = await begun(door, canary=0.01, tenants=["acme"], bake_s=60, min_samples=5, why="politer")
    assert [await greeting(door, "acme"), await greeting(door, "other")] == ["hi Ada", "hello Ada"]
    shown = (await door.http.get("/v1/canary")).json()
    assert (shown["release"], shown["stable"], shown["bake_s"], shown["min_samples"]) == (canary, stable, 60, 5)
    assert (shown["move"], set(shown["figures"])) == ("go_on", {"canary", "stable"})
    changed = (await door.http.patch("/v1/canary", json={"percent": 25, "why": "looks well"})).json()
    assert (changed["state"], changed["release"], changed["why"]) == ("canary", canary, "looks well")
    channel = (await door.http.get("/v1/releases")).json()["channel"]
    assert (channel["stable"], channel["held"]) == (stable, {})
    assert (channel["canary"]["release"], channel["canary"]["percent"]) == (canary, 25)
    assert channel["canary"]["tenants"] == ["acme"]
    promoted = (await door.http.post("/v1/promote", json={"why": "enough"})).json()
    assert (promoted["state"], promoted["actor"], promoted["why"]) == ("promoted", "http", "enough")
    assert await greeting(door) == "hi Ada"


async def test_a_canary_ends_by_delete_and_by_a_roll_back(door: Door) -> None:
    stable = door.crib.release.id
    canary = await begun(door, canary=100)
    assert await greeting(door) == "hi Ada"
    ended = (await door.http.delete("/v1/canary", params={"why": "too polite"})).json()
    assert (ended["state"], ended["release"], ended["why"]) == ("withdrawn", canary, "too polite")
    assert await greeting(door) == "hello Ada"
    assert (await door.http.post("/v1/deployments", json={"canary": 100})).json()["release"] == canary
    back = (await door.http.post("/v1/rollback", json={"why": "again"})).json()
    assert (back["state"], back["previous"], back["why"]) == ("withdrawn", stable, "again")
    assert await greeting(door) == "hello Ada"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/canary"), ("PATCH", "/v1/canary"), ("DELETE", "/v1/canary"), ("POST", "/v1/promote")],
)
async def test_without_a_canary_there_is_none(reading: Door, method: str, path: str) -> None:
    body: dict[str, Any] | None = {} if method in ("PATCH", "POST") else None
    answer = await reading.http.request(method, path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "toolcrib deploy --canary" in answer.json()["hint"]


async def test_a_release_may_be_kept_for_later(door: Door) -> None:
    kept = await begun(door, activate=False)
    assert await greeting(door) == "hello Ada"
    states = {one["id"]: one["state"] for one in (await door.http.get("/v1/releases")).json()["releases"]}
    assert states[kept] == "inactive"
    await door.http.post(f"/v1/releases/{kept}/activate")
    assert await greeting(door) == "hi Ada"


async def test_a_tenant_is_held_on_a_release_and_let_go(door: Door) -> None:
    first = door.crib.release.id
    held = (await door.http.post("/v1/holds", json={"tenant": "acme", "release": first, "why": "audit"})).json()
    assert (held["state"], held["why"]) == ("held", "audit")
    await begun(door)
    assert [await greeting(door, "acme"), await greeting(door)] == ["hello Ada", "hi Ada"]
    assert (await door.http.get("/v1/releases")).json()["channel"]["held"] == {"acme": first}
    await door.http.post("/v1/holds", json={"tenant": "acme", "release": None})
    assert await greeting(door, "acme") == "hi Ada"
    missing = await door.http.post("/v1/holds", json={"tenant": "acme", "release": "r-00000000"})
    assert missing.status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/deployments", {"canary": 101}, "canary"),
        ("/v1/deployments", {"canary": 0}, "body"),
        ("/v1/deployments", {"canary": 10, "activate": False}, "body"),
        ("/v1/deployments", {"canary": 10, "min_samples": 0}, "min_samples"),
        ("/v1/deployments", {"percent": 10}, "percent"),
        ("/v1/holds", {"tenant": "", "release": "r-1"}, "tenant"),
        ("/v1/holds", {"tenant": "acme"}, "release"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_its_field(
    reading: Door, path: str, body: dict[str, Any], field: str
) -> None:
    answer = await reading.http.post(path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_a_canary_that_nobody_would_see_any_more_is_refused(door: Door) -> None:
    await begun(door, canary=10)
    answer = await door.http.patch("/v1/canary", json={"percent": 0})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "percent")
    assert "nobody would see" in answer.json()["detail"]
    assert (await door.http.get("/v1/canary")).json()["percent"] == 10

"""Deploying, comparing, activating and rolling back over HTTP."""

import pytest

from tests.unit.server.conftest import Door

pytestmark = pytest.mark.anyio
TOLD = {"kind": "tool", "name": "greet", "change": "changed", "detail": "code"}
CODE = {**TOLD, "verdict": "safe", "why": "", "tenant": ""}


async def deploy(door: Door, old: str, new: str) -> str:
    """The id of a new release in which `old` reads `new`."""
    door.tools.write_text(door.tools.read_text().replace(old, new))
    answer = await door.http.post("/v1/deployments", json={})
    assert (answer.status_code, answer.json()["state"]) == (200, "active")
    return str(answer.json()["release"])


async def greeting(door: Door) -> str:
    return str((await door.http.post("/v1/tools/greet/calls", json={"args": {"name": "Ada"}})).json()["value"])


async def test_the_list_tells_what_serves_what_there_is_and_what_was(reading: Door) -> None:
    told = (await reading.http.get("/v1/releases")).json()
    (release,) = told["releases"]
    assert (told["current"], told["generation"]) == (reading.crib.release.id, 1)
    assert (release["id"], release["state"], release["files"]) == (told["current"], "active", 3)
    assert [deployment["actor"] for deployment in told["history"]] == ["start"]


async def test_a_release_is_shown_with_its_files_by_any_unique_beginning(reading: Door) -> None:
    current = reading.crib.release
    for name in (current.id, current.id[:5], current.digest, current.digest[:12]):
        shown = (await reading.http.get(f"/v1/releases/{name}")).json()
        assert (shown["id"], shown["current"]) == (current.id, True)
        assert set(shown["files"]) == {"agents.yaml", "graphs/greet.py", "tools/words.py"}


async def test_a_deployment_serves_at_once_and_tells_what_changed(door: Door) -> None:
    before = door.crib.release.id
    door.tools.write_text(door.tools.read_text().replace("hello", "good morning"))
    deployment = (await door.http.post("/v1/deployments")).json()
    assert (deployment["state"], deployment["previous"], deployment["actor"]) == ("active", before, "http")
    assert CODE in deployment["diff"]
    assert (deployment["verdict"], deployment["accepted"]) == ("safe", [])
    assert await greeting(door) == "good morning Ada"
    again = (await door.http.post("/v1/deployments")).json()
    assert (again["state"], again["release"]) == ("unchanged", deployment["release"])


async def test_a_rejected_deployment_is_a_422_with_every_reason_and_its_place(door: Door) -> None:
    before = door.crib.release.id
    door.tools.write_text(door.tools.read_text() + "\ndef broken(:\n")
    (door.root / "tools" / "more.py").write_text("import\n")
    answer = await door.http.post("/v1/deployments")
    told = answer.json()
    assert (answer.status_code, told["code"]) == (422, "deployment_rejected")
    places = {(reason["code"], reason["file"]) for reason in told["reasons"]}
    assert places == {("syntax", "tools/words.py"), ("syntax", "tools/more.py")}
    assert f"{before} goes on serving" in told["detail"]
    assert await greeting(door) == "hello Ada"
    ready = await door.http.get("/readyz")
    assert (ready.status_code, ready.json()["checks"]["newest_tree"]["ok"]) == (200, False)


async def test_lowered_guards_are_a_422_until_they_are_accepted(door: Door) -> None:
    first = await deploy(door, '(side_effect="none", examples', '(scopes=("greet",), side_effect="none", examples')
    door.tools.write_text(door.tools.read_text().replace('scopes=("greet",), ', ""))
    refused = await door.http.post("/v1/deployments", json={"accept": []})
    told = refused.json()
    assert (refused.status_code, [reason["code"] for reason in told["reasons"]]) == (422, ["permissions"])
    assert door.crib.release.id == first
    taken = (await door.http.post("/v1/deployments", json={"accept": ["permissions"]})).json()
    assert (taken["state"], [reason["code"] for reason in taken["accepted"]]) == ("active", ["permissions"])
    history = (await door.http.get("/v1/releases")).json()["history"]
    assert [(one["state"], len(one["accepted"])) for one in history[:2]] == [("active", 1), ("rejected", 0)]


@pytest.mark.parametrize("body", [{"accept": ["everything"]}, {"accept": "permissions"}, {"force": True}])
async def test_what_cannot_be_accepted_is_a_mistake_of_the_request(door: Door, body: dict[str, object]) -> None:
    answer = await door.http.post("/v1/deployments", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")


async def test_a_roll_back_serves_the_former_release_or_the_one_that_is_named(door: Door) -> None:
    first = door.crib.release.id
    second = await deploy(door, "hello", "hi")
    back = (await door.http.post("/v1/rollback")).json()
    assert (back["state"], back["release"], back["previous"]) == ("rolled_back", first, second)
    assert await greeting(door) == "hello Ada"
    named = (await door.http.post("/v1/rollback", json={"release": second})).json()
    assert named["release"] == second
    assert await greeting(door) == "hi Ada"
    activated = (await door.http.post(f"/v1/releases/{first}/activate", json={})).json()
    assert activated["release"] == first
    assert await greeting(door) == "hello Ada"


async def test_two_releases_are_compared_by_id(door: Door) -> None:
    first = door.crib.release.id
    second = await deploy(door, "hello", "hi")
    told = (await door.http.get(f"/v1/releases/{first}/diff/{second}")).json()
    assert told["verdict"] == "safe"
    assert CODE in told["changes"]


async def test_an_unknown_release_is_a_404_with_near_names(reading: Door) -> None:
    answer = await reading.http.get("/v1/releases/r-00000000")
    assert (answer.status_code, answer.json()["code"]) == (404, "release_not_found")
    assert reading.crib.release.id in answer.json()["hint"]


async def test_the_census_counts_who_uses_a_release(reading: Door) -> None:
    with reading.crib._wings.registry.lease(holder="run"):
        assert (await reading.http.get("/v1/census")).json()[reading.crib.release.id]["run"] == 1
        shown = (await reading.http.get(f"/v1/releases/{reading.crib.release.id}")).json()
        assert shown["leases"]["run"] == 1

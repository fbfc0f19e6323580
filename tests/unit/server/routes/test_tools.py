"""Listing, showing and calling tools over HTTP."""

import pytest

from tests.unit.server.conftest import Door

pytestmark = pytest.mark.anyio


async def test_the_list_holds_every_tool_with_its_schema_and_place(reading: Door) -> None:
    tools = (await reading.http.get("/v1/tools")).json()
    assert [tool["name"] for tool in tools] == ["fail", "greet", "huge"]
    greet = tools[1]
    assert greet["args_schema"]["required"] == ["name"]
    assert (greet["file"], greet["examples"]) == ("tools/words.py", ["Greet Ada"])
    assert greet["policy"]["side_effect"] == "none"


async def test_one_tool_is_shown_as_it_stands_in_the_list(reading: Door) -> None:
    listed = (await reading.http.get("/v1/tools")).json()
    shown = (await reading.http.get("/v1/tools/greet")).json()
    assert shown in listed


async def test_a_call_answers_with_the_whole_result(reading: Door) -> None:
    answer = await reading.http.post("/v1/tools/greet/calls", json={"args": {"name": "Ada", "times": 2}})
    result = answer.json()
    assert answer.status_code == 200
    assert (result["ok"], result["value"], result["error"]) == (True, "hello Ada hello Ada", None)
    assert (result["tool"], result["release"]) == ("greet", reading.crib.release.id)
    assert result["call_id"]


async def test_a_tool_that_failed_is_a_result_and_no_problem(reading: Door) -> None:
    answer = await reading.http.post("/v1/tools/fail/calls", json={})
    result = answer.json()
    assert answer.status_code == 200
    assert result["ok"] is False
    assert (result["error"]["code"], result["error"]["hint"]) == ("tool_error", "Come back tomorrow.")


async def test_an_unknown_tool_is_a_404_with_near_names(reading: Door) -> None:
    for answer in (
        await reading.http.get("/v1/tools/gret"),
        await reading.http.post("/v1/tools/gret/calls", json={"args": {}}),
    ):
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "tool_not_found"
        assert "greet" in answer.json()["hint"]


async def test_arguments_that_do_not_fit_are_a_422_that_names_them(reading: Door) -> None:
    answer = await reading.http.post("/v1/tools/greet/calls", json={"args": {"name": "Ada", "times": "often"}})
    told = answer.json()
    assert answer.status_code == 422
    assert (told["code"], told["type"]) == ("arguments_invalid", "urn:toolcrib:error:arguments_invalid")
    assert "times" in told["detail"]
    assert "name, times" in told["hint"]


async def test_numbers_beyond_64_bits_arrive_whole(reading: Door) -> None:
    answer = await reading.http.post("/v1/tools/huge/calls", json={})
    assert answer.json()["value"] == {"number": 2**80}


async def test_half_a_character_in_the_arguments_is_told_and_breaks_nothing(reading: Door) -> None:
    kind = {"content-type": "application/json"}
    name = await reading.http.post("/v1/tools/greet/calls", content=b'{"args": {"\\ud800": 1}}', headers=kind)
    assert (name.status_code, name.json()["code"]) == (422, "arguments_invalid")
    value = await reading.http.post("/v1/tools/greet/calls", content=b'{"args": {"name": "\\ud800"}}', headers=kind)
    assert (value.status_code, value.json()["ok"]) == (200, True)


async def test_the_time_limit_of_the_call_is_handed_on(reading: Door) -> None:
    answer = await reading.http.post("/v1/tools/greet/calls", json={"args": {"name": "Ada"}, "timeout_s": 0})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "timeout_s"
    answer = await reading.http.post("/v1/tools/greet/calls", json={"args": {"name": "Ada"}, "timeout_s": 1e-9})
    assert answer.json()["error"]["code"] == "deadline_exceeded"

"""The OpenAPI document is complete, and its pages need no network."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.unit.server.conftest import Door

pytestmark = pytest.mark.anyio
ROUTES = {
    "GET /ok",
    "GET /livez",
    "GET /readyz",
    "GET /v1/tools",
    "GET /v1/tools/{name}",
    "GET /v1/tools/{name}/errors",
    "POST /v1/tools/{name}/calls",
    "GET /v1/agents",
    "GET /v1/agents/{name}",
    "POST /v1/agents/{name}/runs",
    "GET /v1/artifacts/{handle}",
    "GET /v1/threads",
    "POST /v1/threads/migrate",
    "POST /v1/threads/move",
    "GET /v1/tasks",
    "POST /v1/tasks",
    "POST /v1/tasks/batch",
    "GET /v1/tasks/{task}",
    "POST /v1/tasks/{task}/cancel",
    "POST /v1/tasks/{task}/resolve",
    "GET /v1/canary",
    "PATCH /v1/canary",
    "DELETE /v1/canary",
    "POST /v1/promote",
    "POST /v1/holds",
    "GET /v1/releases",
    "POST /v1/releases",
    "GET /v1/releases/users",
    "POST /v1/releases/gc",
    "POST /v1/releases/{release}/drain",
    "POST /v1/runs/{run}/resume",
    "GET /v1/releases/{release}",
    "GET /v1/releases/{older}/diff/{newer}",
    "POST /v1/releases/{release}/activate",
    "POST /v1/rollback",
    "POST /v1/deployments",
    "GET /v1/ledger",
    "GET /v1/budgets",
    "GET /v1/census",
    "GET /v1/experiments",
    "GET /v1/experiments/{name}",
    "GET /v1/cache",
    "DELETE /v1/cache",
    "GET /v1/events",
    "GET /metrics",
}


TWO_KINDS = {"POST /v1/agents/{name}/runs", "GET /v1/artifacts/{handle}"}


async def operations(door: Door) -> dict[str, Any]:
    paths = (await door.http.get("/openapi.json")).json()["paths"]
    return {f"{method.upper()} {path}": told for path, methods in paths.items() for method, told in methods.items()}


async def test_every_route_is_told_with_a_description_and_the_shape_of_its_answer(reading: Door) -> None:
    told = await operations(reading)
    assert set(told) == ROUTES
    for name, operation in told.items():
        assert operation["description"], name
        good = operation["responses"].get("200") or operation["responses"]["202"]
        contents = good["content"]
        assert len(contents) == (2 if name in TWO_KINDS else 1), name
        assert "runs" in name or all(content["schema"] for content in contents.values()), name


async def test_failures_are_told_as_problem_documents(reading: Door) -> None:
    for name, operation in (await operations(reading)).items():
        for status, response in operation["responses"].items():
            if status[0] in "45" and name != "GET /readyz":
                assert list(response["content"]) == ["application/problem+json"], (name, status)


async def test_a_run_is_told_as_a_result_and_as_a_stream(reading: Door) -> None:
    run = (await operations(reading))["POST /v1/agents/{name}/runs"]
    assert set(run["responses"]["200"]["content"]) == {"application/json", "text/event-stream"}


async def test_requests_and_answers_have_examples(reading: Door) -> None:
    schemas = (await reading.http.get("/openapi.json")).json()["components"]["schemas"]
    for name in (
        "ToolCallRequest",
        "RunRequestBody",
        "TaskRequest",
        "ToolResultDocument",
        "RunResultDocument",
        "ProblemDocument",
    ):
        assert schemas[name]["example"], name
    assert "HTTPValidationError" not in schemas


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
async def test_the_pages_fetch_everything_from_this_server(reading: Door, page: str) -> None:
    text = (await reading.http.get(page)).text
    sources = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert sources
    for source in sources:
        assert source.startswith("/"), source
        assert (await reading.http.get(source)).status_code == 200, source
    assert "http://" not in text
    assert "https://" not in text


def test_the_page_on_the_api_names_every_route() -> None:
    page = (Path(__file__).parents[3] / "docs" / "http-api.md").read_text(encoding="utf-8")
    named = {re.sub(r"\{\w+\}", "{}", route) for route in re.findall(r"`((?:GET|POST|PATCH|DELETE) /\S*)`", page)}
    assert {re.sub(r"\{\w+\}", "{}", route) for route in ROUTES} <= named

"""The gate as it stands in the product: a whole project in the verifier's child, twice."""

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from tests.unit.deployment.grounds import tree
from tests.unit.loader.projects import ADD, Files, bundle_of
from toolcrib.loader.verifier.client import Verdict, Verifier

pytestmark = pytest.mark.anyio

TABLE = """
from sqlalchemy import Column, Integer, Table
from toolcrib.stores.sql.schema import metadata

mine = Table("mine", metadata, Column("id", Integer))
"""
GRAPH = """
from langgraph.graph import START, MessagesState, StateGraph

graph = StateGraph(MessagesState)
graph.add_node("one", lambda state: {})
graph.add_edge(START, "one")
"""
AGENT = "agents:\n  one:\n    model: offline\n    prompt: prompts/one.md\n    tools: ['*']\n"


@pytest.fixture(scope="module")
async def verifier(anyio_backend: str) -> AsyncIterator[Verifier]:
    found = Verifier(check="toolcrib.deployment.gate.check:check", timeout_s=20.0)
    yield found
    await found.close()


async def verdict(verifier: Verifier, files: Files, root: Path) -> Verdict:
    with anyio.fail_after(60):
        return await verifier.verify(bundle_of(files), root=str(root))


async def reasons(verifier: Verifier, files: Files, root: Path) -> list[tuple[str, str, int]]:
    return [(one.code, one.file, one.line) for one in (await verdict(verifier, files, root)).reasons]


async def test_a_project_with_tools_agents_and_graphs_passes(verifier: Verifier, tmp_path: Path) -> None:
    graph = "  g:\n    kind: graph\n    graph: graphs/g.py:graph\n"
    files = {"tools/a.py": ADD, "agents.yaml": AGENT + graph, "prompts/one.md": "Hello.", "graphs/g.py": GRAPH}
    assert await reasons(verifier, files, tmp_path) == []


async def test_a_module_that_can_be_imported_only_once_is_refused(verifier: Verifier, tmp_path: Path) -> None:
    (reason,) = (await verdict(verifier, {"tools/a.py": ADD, "tools/b.py": TABLE}, tmp_path)).reasons
    assert (reason.code, reason.file, reason.line) == ("import_twice", "tools/b.py", 5)
    assert reason.message.startswith("second import: InvalidRequestError: Table 'mine' is already defined")
    assert "installed package" in reason.hint


async def test_all_reasons_of_code_and_configuration_come_at_once(verifier: Verifier, tmp_path: Path) -> None:
    files = {
        "tools/a.py": "1 / 0",
        "tools/b.py": "\nimport not_there_at_all",
        "agents.yaml": AGENT.replace("model: offline", "model: offline\n    nonsense: 1"),
        "prompts/one.md": "Hello {nobody}.",
        "tools.yaml": "tools:\n  add:\n    timeout_s: soon\n",
    }
    found = await reasons(verifier, files, tmp_path)
    assert {("import", "tools/a.py", 1), ("import", "tools/b.py", 2)} <= set(found)
    assert {"agents.yaml", "tools.yaml", "prompts/one.md"} <= {file for _, file, _ in found}


async def test_what_only_building_the_agents_shows_is_a_reason_too(verifier: Verifier, tmp_path: Path) -> None:
    agents = "agents:\n  g:\n    kind: graph\n    graph: graphs/g.py:graph\n"
    files = {"graphs/g.py": "graph = object()", "agents.yaml": agents, "tools/a.py": ADD}
    assert await reasons(verifier, files, tmp_path) == [("graph", "agents.yaml", 4)]
    files["graphs/g.py"] = "def graph(config):\n    return config['configurable']['user']"
    assert await reasons(verifier, files, tmp_path) == [("graph", "graphs/g.py", 2)], "where a factory raised"
    model = {"tools/a.py": ADD, "agents.yaml": AGENT.replace("offline", "nobody:x"), "prompts/one.md": "Hi."}
    assert await reasons(verifier, model, tmp_path) == [("model", "agents.yaml", 3)]


async def test_what_tools_import_lazily_is_tried_at_the_gate(verifier: Verifier, tmp_path: Path) -> None:
    files = {**tree(1), "tools/b.py": "def later():\n    import lazy", "lazy.py": "x = 1\nx.nothing"}
    assert await reasons(verifier, files, tmp_path) == [("import", "lazy.py", 2)]


async def test_a_warm_verdict_on_a_small_project_takes_a_fraction_of_a_second(
    verifier: Verifier, tmp_path: Path
) -> None:
    """The bound is wide, for slow and busy machines; the usual figure is below 0.1 s."""
    first = await verdict(verifier, tree(1), tmp_path)
    second = await verdict(verifier, tree(2), tmp_path)
    assert first.reasons == second.reasons == ()
    assert 0 < second.check_s < 1.5


async def test_no_reason_tells_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOLCRIB_TEST_KEY", "hunter2-hunter2")
    tool = "import os\nraise RuntimeError(f'no {os.environ[\"TOOLCRIB_TEST_KEY\"]}')\n"
    agents = AGENT + "    model_options: {api_key: '${secret:TOOLCRIB_TEST_KEY}'}\n"
    files = {"tools/a.py": tool, "tools/b.py": ADD, "agents.yaml": agents, "prompts/one.md": "Hello."}
    verifier = Verifier(
        check="toolcrib.deployment.gate.check:check", timeout_s=20.0
    )  # one that is started in this environment
    try:
        (reason,) = (await verdict(verifier, files, tmp_path)).reasons
    finally:
        await verifier.close()
    assert reason.message == "RuntimeError: no [secret:TOOLCRIB_TEST_KEY]"


async def test_where_dollars_are_limited_a_model_without_a_price_is_refused_at_its_place(
    verifier: Verifier, tmp_path: Path
) -> None:
    agents = "budgets: {tenants: {acme: {usd: 1}}}\nagents:\n  one:\n    model: openai:nobody-knows-this\n"
    assert await reasons(verifier, {"tools/a.py": ADD, "agents.yaml": agents}, tmp_path) == [
        ("unknown_price", "agents.yaml", 4)
    ]


async def test_every_model_of_a_plan_is_looked_at_and_so_is_its_route(verifier: Verifier, tmp_path: Path) -> None:
    plan = (
        "model:\n      simple: opnai:a\n      medium: {model: 'nobody:b'}\n      fallback:\n      - offline\n"
        "      - nobody:c\n      route: tools/a.py:ad"
    )
    files = {"tools/a.py": ADD, "agents.yaml": AGENT.replace("model: offline", plan), "prompts/one.md": "Hi."}
    (route,) = (await verdict(verifier, files, tmp_path)).reasons
    assert (route.code, route.place, route.hint) == ("unknown_route", "agents.yaml:9:14", "Did you mean 'add'?")
    files["agents.yaml"] = files["agents.yaml"].replace("      route: tools/a.py:ad\n", "")
    found = (await verdict(verifier, files, tmp_path)).reasons
    assert [(one.code, one.place) for one in found] == [
        ("model", "agents.yaml:4:15"),
        ("model", "agents.yaml:5:23"),
        ("model", "agents.yaml:8:9"),
    ]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("classify = 3", "is no function"),
        ("class classify:\n    pass", "is no function"),
        ("def classify():\n    return 'simple'", "does not take one argument, the question"),
        ("def classify(question, more):\n    return 'simple'", "does not take one argument, the question"),
    ],
)
async def test_a_route_must_be_a_function_of_the_question(
    verifier: Verifier, tmp_path: Path, code: str, words: str
) -> None:
    agents = "agents:\n  one:\n    model: {simple: offline, route: 'routing.py:classify'}\n"
    files = {"tools/a.py": ADD, "agents.yaml": agents, "routing.py": code}
    (reason,) = (await verdict(verifier, files, tmp_path)).reasons
    assert (reason.code, reason.place) == ("route", "agents.yaml:3:37")
    assert words in reason.message

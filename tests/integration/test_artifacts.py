"""Results too long for a model, from a project's tool to everybody who may read on in them."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

import toolcrib
from tests.integration.commands import toolcrib as command
from toolcrib.core.errors import ArtifactNotFound
from toolcrib.core.stores.artifacts import ArtifactPiece
from toolcrib.runtime import build

pytestmark = pytest.mark.anyio
TOOLS = '''
from toolcrib import Output, tool

STORE = Output(max_chars=100, excess="store")

@tool(side_effect="read", output=STORE)
def report(rows: int = 100) -> list[dict]:
    """Make a report.

    Args:
        rows: how many rows.
    """
    return [{"row": number} for number in range(rows)]

@tool(side_effect="write", output=STORE)
async def booked() -> str:
    """Book something, and tell all about it."""
    return "booked " * 100

@tool(side_effect="read", isolation="process", output=STORE)
def report_in_process() -> list[int]:
    """Make a report in a worker process."""
    return list(range(1_000))

@tool(side_effect="read")
def greet() -> str:
    """Greet."""
    return "hello"
'''
GRAPH = """
import re
from typing import TypedDict
from langgraph.graph import StateGraph
from toolcrib import ToolNode

class State(TypedDict, total=False):
    first: str
    rest: str

async def work(state, config):
    asked = await ToolNode().ainvoke({"tool": "report", "tool_input": {}}, config)
    first = asked["messages"][0].content
    handle = re.search(r'handle="(art_\\w+)", offset=(\\d+)', first)
    further = {"handle": handle[1], "offset": int(handle[2])}
    read = await ToolNode().ainvoke({"tool": "read_artifact", "tool_input": further}, config)
    return {"first": first, "rest": read["messages"][0].content}

graph = StateGraph(State)
graph.add_node("work", work)
graph.set_entry_point("work")
graph.set_finish_point("work")
"""
AGENTS = """
agents:
  reader: {kind: graph, graph: "graphs/read.py:graph", tools: [report]}
  greeter: {model: offline, tools: [greet]}
"""
WHOLE = "[" + ", ".join(f'{{"row": {n}}}' for n in range(100)) + "]"


def write_project(root: Path) -> Path:
    for name, text in {"tools/reports.py": TOOLS, "graphs/read.py": GRAPH, "agents.yaml": AGENTS}.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture(scope="module")
async def crib(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[toolcrib.Crib]:
    """The project, opened once for all tests that leave it as it is."""
    async with toolcrib.open(write_project(tmp_path_factory.mktemp("project"))) as opened:
        yield opened


async def read_all(crib: toolcrib.Crib, handle: str, tenant: str = "") -> str:
    """The whole, as a model reads it: with the tool, piece by piece."""
    text, offset = "", 0
    while offset is not None:
        args = {"handle": handle, "offset": offset, "limit": 300}
        piece = (await crib.call("read_artifact", args, tenant=tenant)).value
        text, offset = text + piece["text"], piece["next_offset"]
    return text


async def test_an_agent_reads_on_with_the_handle_it_was_given(crib: toolcrib.Crib) -> None:
    assert {name: agent.tools for name, agent in crib.release.agents.items()} == {
        "reader": ("read_artifact", "report"),
        "greeter": ("greet",),
    }
    with anyio.fail_after(60):
        result = await crib.run("reader", {}, tenant="acme")
    assert result.success, result.error
    assert result.output["first"].startswith(WHOLE[:100] + "\n[Cut: these are 100 of ")
    assert WHOLE[100:].replace('"', '\\"') in result.output["rest"]
    assert '"next_offset": null' in result.output["rest"]


async def test_an_artifact_is_its_tenants_alone(crib: toolcrib.Crib) -> None:
    handle = (await crib.call("report", tenant="acme")).artifact
    assert len(handle) == len("art_") + 32
    assert await read_all(crib, handle, "acme") == WHOLE
    assert await crib.artifacts.read(handle, tenant="acme", offset=3, limit=5) == ArtifactPiece(
        text=WHOLE[3:8], offset=3, next_offset=8, total_chars=len(WHOLE), size_bytes=len(WHOLE)
    )
    refused = await crib.call("read_artifact", {"handle": handle}, tenant="evil")
    assert refused.error is not None
    assert refused.error.code == "artifact_not_found"
    with pytest.raises(ArtifactNotFound):
        await crib.artifacts.read(handle)


async def test_what_the_tool_gives_is_bounded_however_much_json_makes_of_the_text(crib: toolcrib.Crib) -> None:
    handle = await crib.artifacts.put(["\x00" * 50_000])
    value = (await crib.call("read_artifact", {"handle": handle, "limit": 40_000})).value
    assert value.startswith('{"total_chars": 50000, "offset": 0, "next_offset": 40000, "text": "')
    assert value[60_000:] == "\n[Cut: these are 60,000 of 240,069 characters. Ask for less to see the rest.]"


async def test_tools_in_worker_processes_and_background_tasks_store_their_output_too(crib: toolcrib.Crib) -> None:
    with anyio.fail_after(90):
        called = await crib.call("report_in_process", tenant="acme", timeout_s=60)
        task = await crib.submit("report_in_process", tenant="acme")
        assert (await crib.tasks.wait(task, timeout_s=60)).state == "succeeded"
    for handle in (called.artifact, (await crib.tasks.result(task)).artifact):
        assert await read_all(crib, handle, "acme") == str(list(range(1_000)))


async def test_an_artifact_outlives_a_restart_and_one_that_does_not_leaves_no_dead_handle(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    async with toolcrib.open(project) as crib:
        first = await crib.call("booked", idempotency_key="k")
    async with toolcrib.open(project) as crib:
        again = await crib.call("booked", idempotency_key="k")
        assert (again.journaled, again.artifact, again.value) == (True, first.artifact, first.value)
        assert await read_all(crib, again.artifact) == "booked " * 100
    for file in (project / ".toolcrib").glob("artifacts.db*"):
        file.unlink()
    async with toolcrib.open(project) as crib:
        gone = await crib.call("booked", idempotency_key="k")
    assert (gone.ok, gone.journaled, gone.artifact) == (True, True, "")
    assert gone.value.endswith("[Cut: these are 100 of 700 characters. The rest is no longer kept.]")


def test_settings_bound_how_much_is_kept_for_synchronous_callers_too(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    (project / "toolcrib.yaml").write_text("artifacts: {max_mb: 1, ttl_s: 3600}\n")
    with toolcrib.open_sync(project) as crib:
        small = crib.call("report", tenant="acme").artifact
        too_large = crib.call("report", {"rows": 100_000})
        assert (too_large.ok, too_large.artifact) == (True, "")
        assert "could not be kept" in too_large.value
        assert crib.artifacts.read(small, tenant="acme", offset=100, limit=20).text == WHOLE[100:120]
        large = crib.call("report", {"rows": 65_000}).artifact
        assert crib.artifacts.read(large).size_bytes < 1 << 20
        larger = crib.call("report", {"rows": 64_000}).artifact
        with pytest.raises(ArtifactNotFound):
            crib.artifacts.read(large)
        assert crib.artifacts.read(larger).total_chars > 900_000


async def test_what_is_over_is_deleted_while_the_project_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = write_project(tmp_path)
    (project / "toolcrib.yaml").write_text("artifacts: {ttl_s: 0.01}\n")
    monkeypatch.setattr(build, "BACKGROUND_S", 0.01)
    async with toolcrib.open(project) as crib:
        assert (await crib.call("report")).artifact
        with anyio.fail_after(30), sqlite3.connect(project / ".toolcrib" / "artifacts.db") as db:
            while db.execute("SELECT count(*) FROM toolcrib_artifact_texts").fetchone() != (0,):
                await anyio.lowlevel.checkpoint()


def test_the_command_line_lists_the_tool_as_built_in(tmp_path: Path) -> None:
    listed = command(write_project(tmp_path), "tools", "list").stdout
    line = next(line for line in listed.splitlines() if line.startswith("read_artifact"))
    assert line.rstrip().endswith("built in")

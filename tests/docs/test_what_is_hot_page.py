"""docs/what-is-hot.md: every row of its table is tried on a real project that serves."""

import asyncio
import os
import re
import sysconfig
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import pytest

import toolcrib
from toolcrib.core.agents import Agent
from toolcrib.core.errors import ProjectInvalid
from toolcrib.core.releases import ColdChange
from toolcrib.runtime.crib import Crib

pytestmark = pytest.mark.anyio
PAGE = (Path(__file__).parents[2] / "docs" / "what-is-hot.md").read_text(encoding="utf-8")
ROWS = MappingProxyType(dict(re.findall(r"^\| (.+) \| (hot|restart|refused) \|$", PAGE, re.MULTILINE)))

Edit = Callable[[Path], object]
Ask = Callable[[Crib], Awaitable[object]]
Hot = tuple[Edit, Ask, object]

TOOL = '''
from pathlib import Path
from toolcrib import tool
from helper import WORD

@tool(side_effect="none")
async def say() -> str:
    """Say it."""
    return WORD + Path(__file__).parents[1].joinpath("data.txt").read_text()
'''
OTHER = TOOL.replace("say", "other")
GRAPH = """
from typing import TypedDict
from langgraph.graph import StateGraph

class State(TypedDict, total=False):
    answer: str

async def node(state):
    return {"answer": "one"}

graph = StateGraph(State)
graph.add_node("node", node)
graph.set_entry_point("node")
graph.set_finish_point("node")
"""
AGENTS = """
agents:
  asked: {model: offline, prompt: prompts/asked.md, tools: [say], limits: {iterations: 5}}
  drawn: {kind: graph, graph: "graphs/g.py:graph"}
"""
METRIC = "\nfrom prometheus_client import Counter\nCOUNTED = Counter('page_calls', 'Calls.')\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    files = {
        "tools/say.py": TOOL,
        "helper.py": "WORD = 'one'\n",
        "graphs/g.py": GRAPH,
        "prompts/asked.md": "one",
        "agents.yaml": AGENTS,
        "data.txt": "",
        "pyproject.toml": "[project]\ndependencies = []\nrequires-python = '>=3.11'\n",
        "langgraph.json": '{"graphs": {"other": "graphs/g.py:graph"}, "dependencies": ["."]}',
    }
    for name, text in files.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    return project


def edit(name: str, old: str = "", new: str = "", times: int = -1) -> Edit:
    """Replace in a file, or write it when there is nothing to replace."""

    def change(root: Path) -> None:
        path = root / name
        text = path.read_text() if path.exists() else ""
        assert old in text, name
        path.write_text(text.replace(old, new, times) if old else new)

    return change


async def said(crib: Crib) -> object:
    return (await crib.call("say", {})).value


async def drawn(crib: Crib) -> object:
    return (await crib.run("drawn", {})).output["answer"]


async def tools(crib: Crib) -> object:
    return set(crib.release.tools)


async def timeout(crib: Crib) -> object:
    return crib.release.tools["say"].spec.policy.timeout_s


async def agents(crib: Crib) -> object:
    return set(crib.release.agents)


def agent(field: Callable[[Agent], object]) -> Ask:
    async def ask(crib: Crib) -> object:
        return field(crib.release.agents["asked"])

    return ask


# row -> (change, what to ask of the project, its answer afterwards)
HOT: Mapping[str, Hot] = MappingProxyType(
    {
        "the code of a tool": (edit("tools/say.py", "return WORD", "return 'two' + WORD"), said, "twoone"),
        "a helper module that tools import": (edit("helper.py", "one", "two"), said, "two"),
        "a tool added": (edit("tools/other.py", new=OTHER), tools, {"say", "temporary", "other"}),
        "a tool removed": (lambda root: (root / "tools" / "temporary.py").unlink(), tools, {"say"}),
        "a graph, or the code of its nodes": (edit("graphs/g.py", '"one"', '"two"'), drawn, "two"),
        "a prompt": (edit("prompts/asked.md", new="two"), agent(lambda a: a.prompt), "two"),
        "an agent in `agents.yaml`": (
            edit("agents.yaml", "iterations: 5", "iterations: 7"),
            agent(lambda a: a.spec.limits.iterations),
            7,
        ),
        "a policy in `tools.yaml`": (edit("tools.yaml", new="defaults: {timeout_s: 7}"), timeout, 7),
        "a graph in `langgraph.json`": (
            edit("langgraph.json", '"other":', '"renamed":'), agents, {"asked", "drawn", "renamed"}
        ),
        "a data file that a tool reads when it is called": (edit("data.txt", new=" and data"), said, "one and data"),
    }
)  # fmt: skip


def install(root: Path) -> None:
    (root.parent / "site-packages" / "brand_new-1.0.dist-info").mkdir()


# row -> (change, what is told of it)
RESTART: Mapping[str, Sequence[tuple[Edit, str]]] = MappingProxyType(
    {
        "a setting in `toolcrib.yaml`": [
            (edit("toolcrib.yaml", new="server: {port: 1}"), "toolcrib.yaml: server.port")
        ],
        "`requirements*.txt`: a package or its version": [
            (edit(name, new="httpx==1"), name) for name in ("requirements.txt", "requirements-dev.txt")
        ],
        "`pyproject.toml`: dependencies": [
            (edit("pyproject.toml", "[]", "['httpx']"), "pyproject.toml: project.dependencies")
        ],
        "`uv.lock`, `poetry.lock`, `pdm.lock`, `Pipfile.lock`, `pylock.toml`": [
            (edit(name, new="x"), name)
            for name in ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml")
        ],
        "`langgraph.json`: `dependencies`": [
            (edit("langgraph.json", '"."', '".", "httpx"'), "langgraph.json: dependencies")
        ],
        "`langgraph.json`: `env`, or the file it names": [
            (edit("langgraph.json", "{", '{"env": {"KEY": "1"}, ', times=1), "langgraph.json: env")
        ],
        "a package installed, upgraded or removed in the environment": [(install, "installed packages: brand_new")],
        "`.env`": [(edit(".env", new="KEY=1"), ".env")],
        "the Python version: `.python-version`, `requires-python`, `python_version`": [
            (edit(".python-version", new="3.12"), ".python-version"),
            (edit("pyproject.toml", ">=3.11", ">=3.12"), "pyproject.toml: project.requires-python"),
            (edit("langgraph.json", "{", '{"python_version": "3.12", ', times=1), "langgraph.json: python_version"),
        ],
        "compiled code in the project (`.so`, `.pyd`, `.dylib`)": [
            (edit(name, new="x"), name) for name in ("fast.so", "tools/fast.pyd", "tools/fast.dylib")
        ],
    }
)  # fmt: skip


def compiled_import(root: Path) -> None:
    (root / "tools" / "fast.so").touch()
    edit("helper.py", "WORD", "from tools import fast\nWORD")(root)


def pipe(root: Path) -> None:
    os.mkfifo(root / "tools" / "pipe.py")


# row -> [(change, code of the reason, words in it)]
REFUSED: Mapping[str, Sequence[tuple[Edit, str, str]]] = MappingProxyType(
    {
        "code that is not valid Python, or fails when it is imported": [
            (edit("helper.py", "=", "(="), "syntax", ""),
            (edit("helper.py", new="1 / 0"), "import", "ZeroDivisionError"),
        ],
        "an import of a package that is not installed": [
            (edit("helper.py", "WORD", "import zzz_none\nWORD"), "import", "'zzz_none' is not installed; install it"),
        ],
        "a package in `langgraph.json`'s `dependencies` that is not installed": [
            (edit("langgraph.json", '"."', '"zzz-none>=2"'), "dependency", "'zzz-none' is not installed"),
        ],
        "an import of compiled code that lies in the project": [
            (compiled_import, "import", "tools/fast.so is compiled code, which is no part of a release"),
        ],
        "code that registers itself process-wide at import (a Prometheus counter, a table)": [
            (edit("helper.py", "\n", METRIC), "import_twice", "Duplicated timeseries"),
        ],
        "an agent that names a tool, prompt or graph that is not there": [
            (edit("agents.yaml", "[say]", "[sya]"), "unknown_tool", "say"),
            (edit("agents.yaml", "asked.md", "akes.md"), "prompt_missing", ""),
            (edit("agents.yaml", "g.py", "h.py"), "graph_missing", ""),
        ],
        "a mistake in a YAML file, also in `toolcrib.yaml`": [
            (edit("tools.yaml", new="tols: {}"), "unknown_key", ""),
            (edit("toolcrib.yaml", new="server: {port: many}"), "wrong_type", ""),
        ],
        "a file of the release larger than 2 MiB": [(edit("big.py", new="#" * 3_000_000), "too_large", "2 MiB")],
        "a pipe, socket or device in the place of a file of the release": [(pipe, "unreadable", "regular file")],
    }
)  # fmt: skip


def test_the_table_has_these_rows_and_no_others() -> None:
    tried = {**dict.fromkeys(HOT, "hot"), **dict.fromkeys(RESTART, "restart"), **dict.fromkeys(REFUSED, "refused")}
    assert dict(ROWS) == tried


async def test_what_is_hot_serves_the_next_call(root: Path) -> None:
    (root / "tools" / "temporary.py").write_text(OTHER.replace("other", "temporary"))
    async with toolcrib.open(root) as crib:
        for row, (change, ask, answer) in HOT.items():
            before = contents(root)
            change(root)
            deployment = await crib.deploy()
            expected = "unchanged" if row.startswith("a data file") else "active"
            assert (deployment.state, deployment.reasons) == (expected, ()), row
            assert await ask(crib) == answer, row
            assert deployment.restart_needed == crib.restart_needed == (), row
            restore(root, before)
            await crib.deploy()


async def test_what_needs_a_restart_is_told_until_the_restart_and_holds_up_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = root.parent / "site-packages"
    place.mkdir()
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(place))
    expected: set[str] = set()
    async with toolcrib.open(root) as crib:
        for row, cases in RESTART.items():
            for change, words in cases:
                change(root)
                expected.add(words)
            (root / "helper.py").write_text(f"WORD = {row!r}\n")
            deployment = await crib.deploy()
            told = {": ".join(filter(None, fact)) for one in deployment.restart_needed for fact in facts(one)}
            assert (deployment.state, told) == ("active", expected), row
            assert await said(crib) == row
            assert (await crib.history())[0].restart_needed == deployment.restart_needed == crib.restart_needed
    async with toolcrib.open(root) as crib:
        assert (await crib.deploy()).restart_needed == crib.restart_needed == ()


async def test_what_is_refused_has_a_reason_and_the_last_good_release_serves(root: Path) -> None:
    async with toolcrib.open(root) as crib:
        good = crib.release.id
        for row, change, code, words in ((row, *case) for row, cases in REFUSED.items() for case in cases):
            before = contents(root)
            change(root)
            try:
                deployment = await crib.deploy()
                state, reasons = str(deployment.state), deployment.reasons
            except ProjectInvalid as error:
                state, reasons = "rejected", error.reasons
            assert (state, [reason.code for reason in reasons][:1]) == ("rejected", [code]), row
            assert words in f"{reasons[0].message} {reasons[0].hint}", row
            assert (crib.release.id, await said(crib)) == (good, "one"), row
            restore(root, before)


def facts(change: ColdChange) -> list[tuple[str, str]]:
    return [(change.file, item) for item in change.items or ("",)]


def contents(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in project_paths(root)}


def project_paths(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if not path.is_dir() and ".toolcrib" not in path.parts]


def restore(root: Path, before: dict[Path, bytes]) -> None:
    for path in project_paths(root):
        path.unlink()
    for path, data in before.items():
        path.write_bytes(data)


async def test_the_boundary_is_looked_at_without_a_deployment_too(root: Path) -> None:
    async with toolcrib.open(root) as crib:
        events = crib.events()
        (root / "requirements.txt").write_text("httpx==1\n")
        async with asyncio.timeout(20):
            async for event in events:
                if event.name == "restart.needed":
                    break
        assert [str(change) for change in crib.restart_needed] == ["requirements.txt"]
        (root / "requirements.txt").unlink()
        async with asyncio.timeout(20):
            async for event in events:
                if event.name == "restart.needed":
                    break
        assert crib.restart_needed == ()

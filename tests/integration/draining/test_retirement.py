"""What leaves with a release, each thing by its name: modules, lines, resources, workers, graphs, kept results."""

import asyncio
import gc
import linecache
import os
import sys
import weakref
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

import toolcrib

pytestmark = pytest.mark.anyio
TOOLS = '''
import os
from pathlib import Path
from typing import Annotated

from toolcrib import Cache, Resource, resource, tool

PLACE = Path({place!r})

@resource
async def pool():
    yield "{word}"
    PLACE.write_text("closed {word}")

@tool
async def borrowed(pool: Annotated[str, Resource(pool)]) -> str:
    """What the pool holds."""
    return pool

@tool(side_effect="none", cache=Cache(ttl_s=3600))
async def kept(number: int) -> str:
    """A result that is kept."""
    return f"{word} {{number}}"

@tool(isolation="process")
def worker() -> int:
    """The id of its process."""
    return os.getpid()
'''
GRAPH = """
from typing import TypedDict
from langgraph.graph import StateGraph

class State(TypedDict, total=False):
    said: str

async def say(state):
    return {{"said": "{word}"}}

graph = StateGraph(State)
graph.add_node("say", say)
graph.set_entry_point("say")
graph.set_finish_point("say")
"""
SHARED = "WORDS = ['the same in both']\n"


def write(root: Path, word: str) -> None:
    for folder in ("tools", "graphs"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "tools" / "all.py").write_text(TOOLS.format(word=word, place=str(root.parent / "closed")))
    (root / "tools" / "shared.py").write_text(SHARED)
    (root / "graphs" / "say.py").write_text(GRAPH.format(word=word))
    (root / "agents.yaml").write_text('agents: {say: {kind: graph, graph: "graphs/say.py:graph"}}')


def our_modules() -> set[str]:
    return {name for name in sys.modules if name.startswith("_toolcrib.")}


async def use_everything(crib: toolcrib.Crib) -> int:
    """Call and run all there is; the id of the worker process."""
    for number in range(3):
        assert (await crib.call("kept", {"number": number})).ok
    assert (await crib.call("borrowed")).ok
    assert (await crib.run("say", {})).success
    pid = (await crib.call("worker")).value
    assert isinstance(pid, int)
    return pid


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


async def test_nothing_of_a_retired_release_stays(tmp_path: Path) -> None:
    root = tmp_path / "project"
    write(root, "v1")
    others = our_modules()  # of tests before
    async with toolcrib.open(root) as crib:
        old, pid = crib.release.id, await use_everything(crib)
        graph = weakref.ref(crib.release.agents["say"].graph)
        modules = our_modules() - others
        for name in modules:  # as a traceback or a debugger does
            linecache.getlines(str(sys.modules[name].__file__), vars(sys.modules[name]))
        lines = {str(sys.modules[name].__file__) for name in modules} & set(linecache.cache)
        write(root, "v2")
        await crib.deploy()
        newer = our_modules() - modules - others
        (shared,) = [name for name in modules if name.endswith(".shared")]
        assert crib.cache_stats().entries == 3
        assert len(lines) >= 3

        assert (await crib.drain(old)).state == "retired"

        assert our_modules() - others == {*newer, shared}, "what both have stays"
        assert len(lines & set(linecache.cache)) == 1, "that of the shared one"
        assert (tmp_path / "closed").read_text() == "closed v1"
        assert crib.cache_stats().entries == 0
        with anyio.fail_after(20):
            while is_alive(pid):
                await anyio.lowlevel.checkpoint()
        await asyncio.to_thread(gc.collect)
        assert graph() is None
        assert (await crib.call("kept", {"number": 1})).value == "v2 1"

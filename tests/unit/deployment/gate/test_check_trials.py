"""Examples and shapes through the real verifier: in its child, under its time limit."""

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from tests.unit.deployment.grounds import Ground
from tests.unit.loader.projects import Files, bundle_of
from toolcrib.core.reasons import Reason
from toolcrib.loader.verifier.client import Verdict, Verifier

pytestmark = pytest.mark.anyio

TOOL = '''
import os, time
from toolcrib.core.decorator import Example, selftest, tool

@tool(side_effect="none", isolation={isolation!r}, examples=[Example(args={{"a": 1}}, returns=2)])
def twice(a: int) -> int:
    """Double it."""
    {body}
    return 2 * a
'''
GRAPH = """
import operator
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

from langgraph.graph import START, StateGraph
from pydantic import BaseModel

class Item(BaseModel):
    name: str
    tags: set[str] = set()

@dataclass
class Note:
    text: str

def merge(old: list[Any], new: list[Any]) -> list[Any]:
    return old + new

class State(TypedDict):
    items: Annotated[list[Item], merge]
    note: Note | None

graph = StateGraph(State)
graph.add_node("ask", lambda state: {})
graph.add_edge(START, "ask")
"""
AGENTS = """
agents:
  bot: {model: offline, prompt: prompts/bot.md}
  flow: {kind: graph, graph: "graphs/flow.py:graph", state_schema: 2}
"""


def files(body: str = "pass", isolation: str = "auto") -> Files:
    return {"tools/t.py": TOOL.format(body=body, isolation=isolation)}


@pytest.fixture(scope="module")
async def verifier(anyio_backend: str) -> AsyncIterator[Verifier]:
    found = Verifier(check="toolcrib.deployment.gate.check:check", timeout_s=3.0)
    yield found
    await found.close()


async def verdict(verifier: Verifier, tree: Files, root: Path, *, passed: tuple[str, ...] = ()) -> Verdict:
    with anyio.fail_after(60):
        return await verifier.verify(bundle_of(tree), root=str(root), passed=passed, compare=True)


async def only(verifier: Verifier, tree: Files, root: Path) -> Reason:
    (reason,) = (await verdict(verifier, tree, root)).reasons
    return reason


async def test_an_example_that_is_not_kept_refuses_the_candidate(verifier: Verifier, tmp_path: Path) -> None:
    assert (await verdict(verifier, files(), tmp_path)).reasons == ()
    reason = await only(verifier, files("a += 1"), tmp_path)
    assert (reason.code, reason.place) == ("example", "tools/t.py:5:1")
    assert reason.message == "twice(a=1): expected 2, found 4"


async def test_a_tool_for_worker_processes_is_tried_in_the_verifiers_own(verifier: Verifier, tmp_path: Path) -> None:
    reason = await only(verifier, files("a += 1", isolation="process"), tmp_path)
    assert reason.message == "twice(a=1): expected 2, found 4"


async def test_an_example_that_hangs_is_told_by_its_number_and_its_line(verifier: Verifier, tmp_path: Path) -> None:
    reason = await only(verifier, files("time.sleep(60)"), tmp_path)
    assert (reason.code, reason.message) == ("timeout", "example 1 of tool 'twice' did not end within 3 s")
    assert (reason.file, reason.line) == ("tools/t.py", 8)
    assert reason.hint.startswith("Make it quicker")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("os._exit(3)", "the process ended by itself (exit code 3) in example 1 of tool 'twice'"),
        ("os.kill(os.getpid(), 11)", "the process was killed by SIGSEGV in example 1 of tool 'twice'"),
    ],
)
async def test_an_example_that_ends_the_process_is_told(
    verifier: Verifier, tmp_path: Path, body: str, said: str
) -> None:
    reason = await only(verifier, files(body), tmp_path)
    assert (reason.code, reason.message) == ("crash", said)


async def test_a_failing_example_and_a_second_import_that_fails_are_told_at_once(
    verifier: Verifier, tmp_path: Path
) -> None:
    once = "import builtins\nassert not hasattr(builtins, 'seen')\nbuiltins.seen = 1\n"
    found = await verdict(verifier, {**files("a += 1"), "tools/u.py": once}, tmp_path)
    assert [reason.code for reason in found.reasons] == ["example", "import_twice"]


async def test_the_shape_of_a_candidate_is_the_same_there_and_here(ground: Ground, verifier: Verifier) -> None:
    tree = {**files(), "graphs/flow.py": GRAPH, "agents.yaml": AGENTS, "prompts/bot.md": "Hello."}
    found = await verdict(verifier, tree, ground.root)
    await ground.deploy(tree)
    shape = ground.serving.shape
    assert found.shape == shape == await ground.store.shape(ground.serving.id)
    state = shape.agents["flow"].state
    assert (state.number, state.id[:2], sorted(state.fields)) == (2, "s-", ["items", "note"])
    assert state.fields["items"].reducer == "graphs.flow.merge"
    assert state.fields["items"].type["items"]["class"] == "graphs.flow.Item"
    await ground.deploy({**tree, "graphs/flow.py": f"# moved\n{GRAPH}"})
    again = ground.serving.shape.agents["flow"]
    assert again.state == state, "names of classes and functions hold no digest"
    assert again.graph.code != shape.agents["flow"].graph.code


async def test_a_deployment_tries_what_changed_and_verify_tries_all(verifier: Verifier, ground: Ground) -> None:
    wrong = files("a += 1")
    await ground.deploy(wrong)  # this verifier only compiles
    passed = {closure[:16] for _, closure in ground.serving.modules.reachable()}
    more = {**wrong, "tools/u.py": "VALUE = 1"}
    assert (await verdict(verifier, more, ground.root, passed=tuple(passed))).reasons == ()
    assert [reason.code for reason in (await verdict(verifier, more, ground.root)).reasons] == ["example"]

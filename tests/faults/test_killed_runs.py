"""A process is killed in the middle of a run: the next one lets the run go on, and repeats nothing."""

import asyncio
import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import anyio
import pytest

import toolcrib
from toolcrib.core.stores.ledger import RunRecord

pytestmark = pytest.mark.anyio
TOOLS = """
from pathlib import Path
from typing import Any
from toolcrib import tool

@tool(side_effect="write")
def note(text: str) -> str:
    "Write a line down."
    with Path({notes!r}).open("a") as file:
        file.write(text + "\\n")
    return text
"""
GRAPH = """
import asyncio
from pathlib import Path
from typing import Any
from typing import TypedDict
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from toolcrib import ToolNode
VERSION = 1

class State(TypedDict, total=False):
    ask: bool
    answer: str
    version: int
    messages: list

async def first(state, config):
    await ToolNode().ainvoke({{"tool": "note", "tool_input": {{"text": "first"}}, "id": "1"}}, config)
    return {{"answer": interrupt("go on?") if state.get("ask") else ""}}

async def second(state, config):
    while not Path({go!r}).exists():
        await asyncio.sleep(0.01)
    await ToolNode().ainvoke({{"tool": "note", "tool_input": {{"text": "second"}}, "id": "2"}}, config)
    return {{"version": VERSION}}

graph = StateGraph(State).add_node("first", first).add_node("second", second)
graph.add_edge(START, "first").add_edge("first", "second").add_edge("second", END)
"""


def write(place: Path) -> Path:
    """The project; its runs wait in their second step until there is a file `go`."""
    root = place / "project"
    for name, text in {
        "tools/note.py": TOOLS.format(notes=str(place / "notes")),
        "graphs/flow.py": GRAPH.format(go=str(place / "go")),
        "agents.yaml": 'agents:\n  flow: {kind: graph, graph: "graphs/flow.py:graph"}\n',
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def run(root: Path, tell: Connection, resume: bool) -> None:
    """The process that is killed."""

    async def main() -> None:
        async with toolcrib.open(root) as crib:
            if resume:
                await crib.run("flow", {"ask": True}, thread_id="t")
            async for event in crib.stream(
                "flow", None if resume else {}, thread_id="t", resume="yes" if resume else None
            ):
                if event.event == "run.started":
                    tell.send("started")
                if event.event == "tool.finished":
                    tell.send("first step")

    asyncio.run(main())


def killed(root: Path, *, after: str, resume: bool = False) -> None:
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload([__name__, "toolcrib.runtime.wiring.compose"])
    ours, theirs = forks.Pipe(duplex=False)
    life = forks.Process(target=run, args=(root, theirs, resume), daemon=False)
    life.start()
    try:
        while ours.poll(60) and ours.recv() != after:
            pass
    finally:
        life.kill()
        life.join(60)


async def ended(root: Path) -> tuple[list[str], set[str]]:
    """What became of the thread's runs, and their releases, in a process that comes later."""
    async with toolcrib.open(root) as crib:
        with anyio.fail_after(30):
            await crib._wings.runs.resumer.take_up()
            await crib._wings.runs.resumer.settled(60)
        runs = await crib.recent_runs()
        return [record.status for record in runs], {release for record in runs for release in record.releases_seen}


@pytest.mark.timeout(180)
async def test_a_run_goes_on_by_itself_on_its_release_and_repeats_no_finished_call(tmp_path: Path) -> None:
    root = write(tmp_path)
    killed(root, after="first step")
    (tmp_path / "go").touch()
    flow = root / "graphs" / "flow.py"
    flow.write_text(flow.read_text().replace("VERSION = 1", "VERSION = 2"))
    statuses, releases = await ended(root)
    assert statuses == ["success"]
    assert len(releases) == 1
    assert (tmp_path / "notes").read_text().split() == ["first", "second"]


@pytest.mark.timeout(180)
async def test_an_answer_that_came_as_the_process_died_was_taken_or_is_asked_for_again(tmp_path: Path) -> None:
    root = write(tmp_path)
    (tmp_path / "go").touch()
    killed(root, after="started", resume=True)
    statuses, releases = await ended(root)
    assert statuses[0] in ("success", "interrupted")
    assert len(releases) == 1
    async with toolcrib.open(root) as crib:
        if statuses[0] == "interrupted":
            assert (await crib.run("flow", thread_id="t", resume="yes")).success
        assert (await crib.ledger()).running == 0


@pytest.mark.parametrize(
    ("before", "status", "error"),
    [("nothing", "cancelled", "run_cut"), ("a turn", "cancelled", "run_cut"), ("a question", "interrupted", "")],
)
async def test_a_run_of_which_nothing_was_saved_gives_no_answer_of_another(
    tmp_path: Path, before: str, status: str, error: str
) -> None:
    root = write(tmp_path)
    (tmp_path / "go").touch()
    async with toolcrib.open(root) as crib:
        if before != "nothing":
            await crib.run("flow", {"ask": before == "a question"}, thread_id="t")
        died = RunRecord(
            run_id="z", thread_id="t", agent="flow", release=crib.release.digest, process="dead", started_at=2**40
        )
        await crib._wings.ledger.accept(died)
        with anyio.fail_after(30):
            await crib._wings.runs.resumer.take_up()
            await crib._wings.runs.resumer.settled(60)
        (last, *_) = await crib.recent_runs()
        assert (last.run_id, last.status) == ("z", status)
        assert last.error.startswith(error)
        asked: dict[str, Any] = {"resume": "yes"} if status == "interrupted" else {"question": {}}
        assert (await crib.run("flow", thread_id="t", **asked)).success


@pytest.mark.timeout(180)
async def test_a_living_process_keeps_its_runs(tmp_path: Path) -> None:
    root = write(tmp_path)
    async with toolcrib.open(root) as crib, anyio.create_task_group() as tasks:
        events = crib.events()
        tasks.start_soon(crib.run, "flow", {})
        with anyio.fail_after(30):
            while (await anext(events)).name != "tool.finished":
                pass
        async with toolcrib.open(root) as other:
            assert await other._wings.runs.resumer.take_up() == 0
        (tmp_path / "go").touch()
    assert (tmp_path / "notes").read_text().split() == ["first", "second"]

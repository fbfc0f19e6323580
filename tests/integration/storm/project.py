"""The project the storm edits: one number, seen by two tools and a graph, that must always agree."""

import os
import shutil
import subprocess
from pathlib import Path

TOOLS = '''
import asyncio
from toolcrib import tool
from tools._number import NUMBER
from . import _number

@tool(side_effect="none")
async def first() -> int:
    """The number, at the beginning of a run."""
    return NUMBER

@tool(side_effect="none")
def second() -> int:
    """The number, at the end of a run, looked up late and in a thread."""
    from tools import _number as late
    assert late.NUMBER == _number.NUMBER
    return late.NUMBER
'''

GRAPH = """
import asyncio
from typing import TypedDict
from langgraph.graph import StateGraph
from toolcrib import ToolNode
from tools._number import NUMBER

class State(TypedDict, total=False):
    seen: list[int]
    messages: list

node = ToolNode()

async def begin(state, config):
    answer = await node.ainvoke({"tool": "first", "tool_input": {}}, config)
    return {"seen": [NUMBER, int(answer["messages"][0].content)]}

async def wait(state):
    await asyncio.sleep(1.0)
    return {}

async def end(state, config):
    from tools._number import NUMBER as late
    answer = await node.ainvoke({"tool": "second", "tool_input": {}}, config)
    return {"seen": [*state["seen"], int(answer["messages"][0].content), NUMBER, late]}

graph = StateGraph(State)
for step in (begin, wait, end):
    graph.add_node(step.__name__, step)
graph.set_entry_point("begin")
graph.add_edge("begin", "wait")
graph.add_edge("wait", "end")
graph.set_finish_point("end")
"""

AGENTS = """
agents:
  storm: {kind: graph, graph: "graphs/flow.py:graph"}
"""

EXTRA = '''
from toolcrib import tool

@tool
async def extra_{number}() -> int:
    """A tool that comes and goes."""
    return {number}
'''


class StormProject:
    """A project on disk and the ways editors, shells and git change it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.number_file = root / "tools" / "_number.py"
        for folder in ("tools", "graphs"):
            (root / folder).mkdir(parents=True)
        (root / "tools" / "numbers.py").write_text(TOOLS)
        (root / "graphs" / "flow.py").write_text(GRAPH)
        (root / "agents.yaml").write_text(AGENTS)
        (root / ".gitignore").write_text(".toolcrib/\n")
        self.number_file.write_text("NUMBER = 0\n")
        self._git("init", "-q", "-b", "main")
        self._commit()

    def plain_write(self, number: int) -> None:
        """What `open(..., "w")` does."""
        self.number_file.write_text(f"NUMBER = {number}\n")

    def two_step_write(self, number: int) -> None:
        """What a slow editor does: the file is empty for a moment."""
        with self.number_file.open("w") as file:
            file.flush()
            os.fsync(file.fileno())
            file.write(f"NUMBER = {number}\n")

    def atomic_rename(self, number: int) -> None:
        """What vim, PyCharm and `sed -i` do."""
        temporary = self.number_file.with_name("._number.tmp")
        temporary.write_text(f"NUMBER = {number}\n")
        temporary.replace(self.number_file)

    def move_directory_in(self, number: int) -> None:
        """What `mv` of a prepared directory does, together with an edit."""
        staging = self.root / ".staging" / f"extra_{number}"
        staging.mkdir(parents=True)
        (staging / "tool.py").write_text(EXTRA.format(number=number))
        staging.rename(self.root / "tools" / f"extra_{number}")
        self.atomic_rename(number)

    def delete(self, number: int) -> None:
        """Take away the tools that were moved in, together with an edit."""
        for folder in (self.root / "tools").glob("extra_*"):
            shutil.rmtree(folder)
        self.atomic_rename(number)

    def git_checkout(self, number: int) -> None:
        """What changing a branch does: many files in one go."""
        self.plain_write_elsewhere(number)
        self._git("checkout", "-q", f"branch-{number}")

    def plain_write_elsewhere(self, number: int) -> None:
        """Prepare a branch with another number, out of the project's sight, by git's plumbing alone."""
        blob = self._git("hash-object", "-w", "--stdin", given=f"NUMBER = {number}\n")
        self._git("add", "-A")
        tree = self._git("write-tree")
        entries = self._git("ls-tree", "-r", tree).splitlines()
        changed = [f"100644 blob {blob}\ttools/_number.py" if e.endswith("\ttools/_number.py") else e for e in entries]
        commit = self._git("commit-tree", tree, given="before")
        self._git("update-ref", "HEAD", commit)
        index = {"GIT_INDEX_FILE": str(self.root / ".git" / "storm-index")}
        self._git("read-tree", "--empty", env=index)
        lines = "".join(f"{entry}\n" for entry in changed)
        self._git("update-index", "--index-info", given=lines, env=index)
        target = self._git("commit-tree", self._git("write-tree", env=index), "-p", commit, given="after")
        self._git("branch", "-f", f"branch-{number}", target)

    def break_syntax(self, number: int) -> None:
        """A typing mistake."""
        self.number_file.write_text(f"NUMBER = ({number}\n")

    def break_import(self, number: int) -> None:
        """A module that fails when it is imported."""
        self.atomic_text(f"NUMBER = {number} // 0\n")

    def atomic_text(self, text: str) -> None:
        """Any text, in one go."""
        temporary = self.number_file.with_name("._number.tmp")
        temporary.write_text(text)
        temporary.replace(self.number_file)

    def _commit(self) -> None:
        self._git("add", "-A")
        tree = self._git("write-tree")
        self._git("update-ref", "HEAD", self._git("commit-tree", tree, given="begin"))

    def _git(self, *args: str, given: str = "", env: dict[str, str] | None = None) -> str:
        identity = ("-c", "user.name=storm", "-c", "user.email=storm@localhost", "-c", "core.fsync=none")
        done = subprocess.run(
            ["git", *identity, *args],
            cwd=self.root,
            input=given,
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, **(env or {})},
        )
        return done.stdout.strip()

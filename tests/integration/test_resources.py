"""Resources in a project that is open and edited: what is shared stays open, what is over is closed once."""

import asyncio
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

import toolcrib
from toolcrib import ToolCall
from toolcrib.core.ports import ResourceStats

pytestmark = pytest.mark.anyio

POOL = """
import itertools
from toolcrib import resource

NUMBERS = itertools.count(1)

class Connection:
    def __init__(self, number):
        self.number = number

def note(text):
    with open({log!r}, "a") as log:
        log.write(text + "\\n")

@resource
async def connection(url: str = "memory:"):
    opened = Connection(next(NUMBERS))
    note(f"open {version} {{opened.number}}")
    yield opened
    note(f"close {version} {{opened.number}}")
"""

TOOLS = '''
from typing import Annotated
from toolcrib import Resource, Secret, ToolContext, tool
from tools.pool import Connection, connection

@tool(side_effect="read")
async def ask(context: ToolContext, db: Annotated[Connection, Resource(connection)]) -> str:
    """Ask the database."""
    return f"{{db.number}} {answer}"

@tool(side_effect="read")
def ask_in_a_thread(db: Annotated[Connection, Resource("connection")], word: str = "asked") -> str:
    """Ask the database from a thread.

    Args:
        word: what to say.
    """
    return f"{{db.number}} {{word}}"
'''

WAITING = '''
from pathlib import Path
from typing import Annotated
from toolcrib import Resource, tool
from tools.pool import Connection, connection

@tool
def wait(place: str, db: Annotated[Connection, Resource(connection)]) -> str:
    """Wait until the place is there."""
    Path(place + ".begun").touch()
    import time
    while not Path(place).exists():
        time.sleep(0.005)
    return f"waited with {db.number}"
'''


class Project:
    """A project's directory and the log of its connections."""

    def __init__(self, root: Path) -> None:
        self.root = root / "project"
        self.log_file = root / "log"
        (self.root / "tools").mkdir(parents=True)

    def write(self, *, version: str = "v1", answer: str = "answered") -> None:
        (self.root / "tools" / "pool.py").write_text(POOL.format(log=str(self.log_file), version=version))
        (self.root / "tools" / "asking.py").write_text(TOOLS.format(answer=answer))
        (self.root / "tools" / "waiting.py").write_text(WAITING)

    @property
    def log(self) -> list[str]:
        return self.log_file.read_text().splitlines() if self.log_file.exists() else []


@pytest.fixture
def project(tmp_path: Path) -> Project:
    found = Project(tmp_path)
    found.write()
    return found


async def test_a_resource_is_opened_once_survives_an_unrelated_edit_and_is_closed_with_the_project(
    project: Project,
) -> None:
    async with toolcrib.open(project.root) as crib:
        assert project.log == []
        assert "db" not in crib.release.tools["ask_in_a_thread"].spec.args_schema["properties"]
        results = await crib.call_many([ToolCall(name="ask")] * 25 + [ToolCall(name="ask_in_a_thread")] * 25)
        assert {result.value for result in results} == {"1 answered", "1 asked"}

        project.write(answer="changed")
        assert (await crib.deploy()).state == "active"

        assert (await crib.call("ask")).value == "1 changed"
        assert (await crib.call("ask_in_a_thread", {"word": "still"})).value == "1 still"
        assert project.log == ["open v1 1"]
        assert crib.resources() == {"connection": ResourceStats(open=1, opened=1)}
    assert project.log == ["open v1 1", "close v1 1"]


async def test_a_call_keeps_the_connection_of_its_release_until_its_end(project: Project, tmp_path: Path) -> None:
    async with toolcrib.open(project.root) as crib:
        place = tmp_path / "go"
        waiting = asyncio.create_task(crib.call("wait", {"place": str(place)}))
        with anyio.fail_after(20):
            while not await anyio.Path(f"{place}.begun").exists():
                await anyio.lowlevel.checkpoint()
        for number in range(2, 6):
            project.write(version=f"v{number}")
            assert (await crib.deploy()).state == "active"
            await crib.call("ask")
        assert "close v1 1" not in project.log
        assert "close v2 1" in project.log  # of those nobody used, two stay in memory
        place.touch()
        assert (await waiting).value == "waited with 1"
        project.write(version="v6")
        await crib.deploy()
        assert project.log.count("close v1 1") == 1
        assert crib.resources()["connection"].opened == 5
    opened = sorted(line.removeprefix("open ") for line in project.log if line.startswith("open"))
    closed = sorted(line.removeprefix("close ") for line in project.log if line.startswith("close"))
    assert opened == closed == [f"v{number} 1" for number in range(1, 6)]


async def test_a_mistake_about_a_resource_is_rejected_with_its_place_and_the_old_connection_serves(
    project: Project,
) -> None:
    async with toolcrib.open(project.root) as crib:
        await crib.call("ask")
        asking = project.root / "tools" / "asking.py"
        asking.write_text(asking.read_text().replace('Resource("connection")', 'Resource("conection")'))

        deployment = await crib.deploy()

        assert [(reason.code, reason.file, reason.line) for reason in deployment.reasons] == [
            ("unknown_resource", "tools/asking.py", 11)
        ]
        assert deployment.reasons[0].hint == "Did you mean 'connection'?"
        assert (await crib.call("ask")).value == "1 answered"
        assert project.log == ["open v1 1"]


async def test_a_resource_that_cannot_be_opened_is_the_call_s_error(project: Project) -> None:
    pool = project.root / "tools" / "pool.py"
    pool.write_text(pool.read_text().replace("opened = Conn", 'raise OSError("no route")\n    opened = Conn'))
    async with toolcrib.open(project.root) as crib:
        for _ in range(2):
            result = await crib.call("ask")
            assert result.error is not None
            assert result.error.code == "tool_failed"
            assert result.error.message == "Resource 'connection' could not be opened: OSError: no route"
        assert crib.resources() == {"connection": ResourceStats(failed=2)}

"""pytest plugin for LangGraph's own tests of its ToolNode: puts ours in its place, and brings the fixtures they need.

Given to a pytest of its own by `test_langgraph_tool_node`, which runs with `--noconftest`: their conftest wants
PostgreSQL's driver.
"""

from collections.abc import Iterator
from importlib import import_module

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from toolcrib import ToolNode

HOMES = ("langgraph.prebuilt", "langgraph.prebuilt.tool_node", "langgraph.prebuilt.chat_agent_executor")
for home in HOMES:
    import_module(home).ToolNode = ToolNode  # type: ignore[attr-defined]  # the name their tests import


def pytest_report_header() -> str:
    """Say so, once the tests will see it."""
    modules = map(import_module, HOMES)
    assert all(module.ToolNode is ToolNode for module in modules)
    return "toolcrib.ToolNode stands in for langgraph.prebuilt.ToolNode"


@pytest.fixture
def anyio_backend() -> str:
    """Their asynchronous tests run on asyncio."""
    return "asyncio"


@pytest.fixture
def sync_checkpointer() -> Iterator[InMemorySaver]:
    """The checkpointer that their fast mode uses too."""
    yield InMemorySaver()


@pytest.fixture
def async_checkpointer() -> Iterator[InMemorySaver]:
    """The same for asynchronous tests."""
    yield InMemorySaver()

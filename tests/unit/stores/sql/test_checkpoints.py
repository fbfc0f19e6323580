"""Checkpoints: what a graph wrote is there again after a restart, and nothing else is built from a row."""

from decimal import Decimal
from pathlib import Path
from typing import Any, TypedDict

import anyio
import ormsgpack
import pytest
from langgraph.graph import END, START, StateGraph

from toolcrib.stores.sql.checkpoints import open_checkpointer

pytestmark = pytest.mark.anyio


class State(TypedDict):
    count: int


def graph(saver: Any) -> Any:
    builder = StateGraph(State)
    builder.add_node("add", lambda state: {"count": state["count"] + 1})
    builder.add_edge(START, "add")
    builder.add_edge("add", END)
    return builder.compile(checkpointer=saver)


async def test_a_thread_outlives_the_process_that_wrote_it(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "threads.db"
    config = {"configurable": {"thread_id": "t"}}
    with anyio.fail_after(5):
        async with open_checkpointer(path) as saver:
            await graph(saver).ainvoke({"count": 1}, config)
        async with open_checkpointer(path) as saver:
            assert (await graph(saver).aget_state(config)).values == {"count": 2}


def forged(module: str, name: str, argument: str) -> tuple[str, bytes]:
    """A value as LangGraph writes it: "build `module.name` with this argument"."""
    return "msgpack", ormsgpack.packb(ormsgpack.Ext(0, ormsgpack.packb((module, name, argument))))


async def test_a_forged_row_runs_no_code(tmp_path: Path) -> None:
    target = tmp_path / "made by a row"
    async with open_checkpointer(tmp_path / "threads.db") as saver:
        assert saver.serde.loads_typed(forged("os", "mkdir", str(target))) == str(target)
        assert saver.serde.loads_typed(forged("decimal", "Decimal", "1.10")) == Decimal("1.10")
    assert not target.exists()

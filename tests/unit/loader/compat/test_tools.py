"""What a change of a tool means for those whose calls wait."""

from typing import Any

import pytest

from tests.unit.loader.compat.shapes import TEXT, WHOLE, agent, tool, used
from toolcrib.core.compat.shapes import Shape, ToolShape
from toolcrib.core.releases import Change
from toolcrib.loader.compat.tools import compare_tools

BASE = tool("a", a=TEXT, b=WHOLE)
ANY_TEXT = {"anyOf": [TEXT, {"type": "null"}]}


def only(older: ToolShape, newer: ToolShape) -> Change:
    (change,) = compare_tools(used(t=older), used(t=newer))
    assert (change.kind, change.name, change.change) == ("tool", "t", "changed")
    return change


@pytest.mark.parametrize(
    ("newer", "detail", "verdict"),
    [
        (tool("a", a=TEXT, b=WHOLE, c=TEXT), "argument c added", "safe"),
        (tool("a", "c", a=TEXT, b=WHOLE, c=TEXT), "required argument c added", "needs_pin"),
        (tool("a", a=TEXT), "argument b removed", "needs_pin"),
        (tool("a", a=TEXT, c=WHOLE), "argument c added, argument b removed", "needs_pin"),
        (tool("a", a=ANY_TEXT, b=WHOLE), "argument a widened", "safe"),
        (tool("a", a=WHOLE, b=WHOLE), "argument a narrowed", "needs_pin"),
        (tool("a", a={"enum": ["x"]}, b=WHOLE), "argument a narrowed", "needs_pin"),
        (tool("a", a={**TEXT, "description": "new"}, b=WHOLE), "argument a reworded", "safe"),
        (tool("a", a=TEXT, b={**WHOLE, "default": 3}), "argument b reworded", "safe"),
        (tool("a", "b", a=TEXT, b=WHOLE), "argument b now required", "needs_pin"),
        (tool(a=TEXT, b=WHOLE), "argument a now optional", "safe"),
        (BASE.model_copy(update={"description": "e"}), "description", "safe"),
        (BASE.model_copy(update={"policy": {"timeout_s": 3}}), "policy", "safe"),
        (BASE.model_copy(update={"variants": {"/acme": {"timeout_s": 3}}}), "policy", "safe"),
        (BASE.model_copy(update={"result_schema": TEXT}), "result", "safe"),
        (BASE.model_copy(update={"digest": "2"}), "code", "safe"),
        (BASE.model_copy(update={"digest": "2", "description": "e"}), "description, code", "safe"),
    ],
)
def test_each_difference_has_its_words_and_its_verdict(newer: ToolShape, detail: str, verdict: str) -> None:
    change = only(BASE, newer)
    assert (change.detail, change.verdict, bool(change.why)) == (detail, verdict, verdict != "safe")


def test_a_tool_that_moved_in_its_file_has_not_changed() -> None:
    assert compare_tools(used(t=BASE), used(t=BASE.model_copy(update={"line": 9, "file": "tools/u.py"}))) == []


def test_definitions_that_arguments_refer_to_are_looked_into() -> None:
    def order(*required: str) -> ToolShape:
        nested = {"type": "object", "properties": {"n": WHOLE, "m": WHOLE}, "required": list(required)}
        base = tool("order", order={"$ref": "#/$defs/Order"}, other=TEXT)
        return base.model_copy(update={"args_schema": {**base.args_schema, "$defs": {"Order": nested}}})

    narrowed = only(order("n"), order("n", "m"))
    assert (narrowed.detail, narrowed.verdict) == ("argument order narrowed", "needs_pin")
    widened = only(order("n", "m"), order("n"))
    assert (widened.detail, widened.verdict) == ("argument order widened", "safe")


def test_a_tool_that_came_is_safe_and_one_that_went_strands_the_calls_of_agents_that_had_it() -> None:
    assert compare_tools(used(gone=BASE, stays=BASE), used(stays=BASE, new=BASE)) == [
        Change(kind="tool", name="new", change="added", verdict="safe"),
        Change(
            kind="tool",
            name="gone",
            change="removed",
            verdict="needs_pin",
            why="a call that waits would find no such tool",
        ),
    ]


def test_a_tool_renamed_is_one_removed_and_one_added() -> None:
    changes = compare_tools(used(before=BASE), used(after=BASE))
    assert [(one.name, one.change) for one in changes] == [("after", "added"), ("before", "removed")]


def test_what_no_agent_had_waits_in_no_thread() -> None:
    older = Shape(tools={"t": BASE, "gone": BASE}, agents={"a": agent()})
    narrowed, removed = sorted(compare_tools(older, Shape(tools={"t": tool()})), key=lambda one: one.change)
    assert (narrowed.verdict, narrowed.why) == (removed.verdict, removed.why) == ("safe", "")


def test_the_worst_part_gives_the_verdict_of_the_whole() -> None:
    change = only(BASE, tool("a", a=WHOLE, c=TEXT).model_copy(update={"description": "e", "digest": "2"}))
    assert change.detail == "argument c added, argument b removed, argument a narrowed, description, code"
    assert (change.verdict, change.why) == ("needs_pin", "a call that waits was made for the older arguments")


@pytest.mark.parametrize("schema", [{}, {"properties": [1]}, {"properties": {"a": TEXT}, "required": 3}])
def test_schemas_of_others_may_be_strange(schema: dict[str, Any]) -> None:
    strange = BASE.model_copy(update={"args_schema": schema})
    assert compare_tools(used(t=strange), used(t=strange)) == []
    assert only(strange, BASE).verdict in ("safe", "needs_pin")

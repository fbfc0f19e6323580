"""What a change of an agent, of its graph and of its state means for its threads."""

from typing import Any

import pytest

from tests.unit.loader.compat.shapes import TEXT, WHOLE, agent, graph, state, tool
from toolcrib.core.compat.shapes import AgentShape, FieldShape, MigrationShape, Shape
from toolcrib.core.releases import Change
from toolcrib.loader.compat.agents import compare_agents

LINE = graph("start -> ask", "ask -> pay", "pay -> end")
STATE = state(total=FieldShape(type=WHOLE), notes=FieldShape(type=TEXT, reducer="_operator.add"))
BASE = agent("t", graph=LINE, state=STATE, prompt="1")


def compared(older: AgentShape, newer: AgentShape, **tools: Any) -> list[Change]:
    known = tools or {"t": tool(), "u": tool()}
    return compare_agents(Shape(agents={"a": older}, tools=known), Shape(agents={"a": newer}, tools=known))


def only(newer: AgentShape, older: AgentShape = BASE) -> Change:
    (change,) = compared(older, newer)
    assert (change.name, change.change) == ("a", "changed")
    assert bool(change.why) == (change.verdict != "safe")
    return change


def test_an_unchanged_agent_is_no_line() -> None:
    assert compared(BASE, BASE) == []


def test_an_agent_that_went_leaves_threads_behind() -> None:
    added, removed = compare_agents(Shape(agents={"old": BASE}), Shape(agents={"new": BASE}))
    assert (added.name, added.change, added.verdict) == ("new", "added", "safe")
    assert (removed.name, removed.change, removed.verdict) == ("old", "removed", "needs_pin")


@pytest.mark.parametrize(
    ("before", "after", "detail", "verdict"),
    [
        ({"kind": "graph"}, {"kind": "function_calling"}, "kind", "needs_pin"),
        ({"kind": "graph", "model": "a"}, {"kind": "graph", "model": "b"}, "model", "safe"),
        ({"limits": 1, "tools": 1}, {"limits": 2, "tools": 2}, "limits, tools", "safe"),
        ({"kind": "graph"}, {"kind": "graph", "thread_policy": "run"}, "thread_policy", "safe"),
    ],
)
def test_fields_of_an_agent_are_told_by_name(
    before: dict[str, Any], after: dict[str, Any], detail: str, verdict: str
) -> None:
    change = only(agent(settings=after), agent(settings=before))
    assert (change.kind, change.detail, change.verdict) == ("agent", detail, verdict)


def test_a_new_migration_is_told_and_takes_nothing_from_other_verdicts() -> None:
    change = only(BASE.model_copy(update={"migrations": (MigrationShape(revision="m1"),)}))
    assert (change.kind, change.detail, change.verdict) == ("agent", "migration m1 added", "safe")


def test_a_new_prompt_is_safe() -> None:
    change = only(BASE.model_copy(update={"prompt": "2"}))
    assert (change.kind, change.detail, change.verdict) == ("agent", "prompt", "safe")


def test_a_tool_taken_away_strands_its_calls_and_one_given_does_not() -> None:
    given = only(BASE.model_copy(update={"tools": ("t", "u"), "settings": {**BASE.settings, "tools": "2"}}))
    assert given.verdict == "safe"
    taken = only(BASE.model_copy(update={"tools": ()}))
    assert (taken.detail, taken.verdict) == ("no longer has t", "needs_pin")
    assert compared(BASE, BASE.model_copy(update={"tools": ()}), u=tool()) == [], "told as a tool that went"


@pytest.mark.parametrize(
    ("newer", "detail", "verdict"),
    [
        (graph("start -> ask", "ask -> pay", "pay -> end", code="2"), "code", "needs_pin"),
        (
            graph("start -> ask", "ask -> end"),
            "node pay removed, edges -(ask -> pay) -(pay -> end) +(ask -> end)",
            "needs_migration",
        ),
        (
            graph("start -> ask", "ask -> check", "check -> pay", "pay -> end"),
            "node check added, edges -(ask -> pay) +(ask -> check) +(check -> pay)",
            "needs_pin",
        ),
        (
            graph("start -> ask", "ask ~> pay", "pay -> end"),
            "edges -(ask -> pay) +(ask ~> pay)",
            "needs_pin",
        ),
        (LINE.model_copy(update={"nodes": ("ask", "pay", "spare")}), "node spare added", "safe"),
        (LINE.model_copy(update={"pauses": ("before pay",)}), "stops before pay", "safe"),
    ],
)
def test_each_change_of_a_graph_has_its_verdict(newer: Any, detail: str, verdict: str) -> None:
    change = only(BASE.model_copy(update={"graph": newer}))
    assert (change.kind, change.detail, change.verdict) == ("graph", detail, verdict)


def test_a_pause_that_went_is_told() -> None:
    paused = BASE.model_copy(update={"graph": LINE.model_copy(update={"pauses": ("before pay",)})})
    assert only(BASE, paused).detail == "no longer stops before pay"


def test_a_node_renamed_is_one_removed_and_one_added() -> None:
    change = only(BASE.model_copy(update={"graph": LINE.model_copy(update={"nodes": ("ask", "charge")})}))
    assert (change.detail, change.verdict) == ("node pay removed, node charge added", "needs_migration")
    assert change.why == "a thread that waits in it would end without a word"


def test_threads_kept_in_another_place_are_not_found() -> None:
    change = only(BASE.model_copy(update={"threads": "PostgresSaver"}))
    assert (change.kind, change.verdict) == ("graph", "breaking")
    back = only(BASE, BASE.model_copy(update={"threads": "PostgresSaver"}))
    assert back.detail == "threads kept by toolcrib, in another place"


def test_threads_kept_in_the_memory_of_a_module_go_with_it() -> None:
    own = BASE.model_copy(update={"threads": "InMemorySaver"})
    assert compared(own, own) == []
    edited = own.model_copy(update={"graph": LINE.model_copy(update={"code": "2"})})
    assert only(edited, own).verdict == "breaking"
    kept = [one.model_copy(update={"threads": "PostgresSaver"}) for one in (own, edited)]
    assert only(kept[1], kept[0]).verdict == "needs_pin"


def changed(**fields: FieldShape | None) -> Change:
    """The line for the state with these fields more, other or (None) gone."""
    merged = {name: one for name, one in {**STATE.fields, **fields}.items() if one is not None}
    change = only(BASE.model_copy(update={"state": state(**merged)}))
    assert change.kind == "state"
    return change


@pytest.mark.parametrize(
    ("fields", "detail", "verdict"),
    [
        ({"new": FieldShape(type=TEXT)}, "field new added", "safe"),
        ({"new": FieldShape(type=TEXT, missing="absent")}, "field new added", "needs_pin"),
        ({"new": FieldShape(type=TEXT, missing="refused")}, "field new added", "needs_migration"),
        ({"total": None}, "field total removed", "needs_migration"),
        ({"total": FieldShape(type=TEXT)}, "field total retyped", "needs_migration"),
        ({"total": FieldShape(type={"type": "number"})}, "field total widened", "safe"),
        ({"total": FieldShape(type={"enum": [1]})}, "field total retyped", "needs_migration"),
        (
            {"total": FieldShape(type=WHOLE, reducer="graphs.g.keep")},
            "field total reduced by graphs.g.keep, before by the last value",
            "needs_migration",
        ),
        (
            {"notes": FieldShape(type=TEXT)},
            "field notes reduced by the last value, before by _operator.add",
            "needs_migration",
        ),
        ({"total": FieldShape(type=WHOLE, missing="refused")}, "field total required", "needs_migration"),
        ({"total": FieldShape(type=WHOLE, missing="absent")}, "field total required", "needs_migration"),
    ],
)
def test_each_change_of_the_state_has_its_verdict(fields: Any, detail: str, verdict: str) -> None:
    change = changed(**fields)
    assert (change.detail, change.verdict) == (detail, verdict)


def test_a_field_that_may_be_missing_now_is_safe() -> None:
    strict = BASE.model_copy(update={"state": state(total=FieldShape(type=WHOLE, missing="refused"))})
    loose = BASE.model_copy(update={"state": state(total=FieldShape(type=WHOLE))})
    assert (only(loose, strict).detail, only(loose, strict).verdict) == ("field total optional", "safe")


def test_agent_graph_and_state_have_a_line_each() -> None:
    newer = agent(settings={"kind": "function_calling"}, graph=graph("start -> x"), state=state())
    assert [(one.kind, one.verdict) for one in compared(agent("t", graph=LINE, state=STATE), newer)] == [
        ("agent", "needs_pin"),
        ("graph", "needs_migration"),
        ("state", "needs_migration"),
    ]

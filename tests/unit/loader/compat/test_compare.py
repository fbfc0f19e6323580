"""Two releases side by side."""

from tests.unit.loader.compat.shapes import agent, graph, side, tool, used
from toolcrib.core.compat.shapes import Shape
from toolcrib.core.releases import Change, worst
from toolcrib.loader.compat.compare import compare
from toolcrib.loader.compat.rules import RULES


def test_the_same_release_differs_in_nothing() -> None:
    shape = Shape(tools={"t": tool()}, agents={"a": agent("t", graph=graph("start -> x"))})
    assert compare(side(shape, p="x"), side(shape, p="x")) == ()
    assert worst(()) == "safe"


def test_prompts_are_told_in_lines_and_are_safe() -> None:
    changes = compare(side(Shape(), p="a\nb\nc", gone="x"), side(Shape(), p="a\nB\nc\nd", new="y"))
    assert changes == (
        Change(kind="prompt", name="prompts/new.md", change="added", verdict="safe"),
        Change(kind="prompt", name="prompts/gone.md", change="removed", verdict="safe"),
        Change(kind="prompt", name="prompts/p.md", change="changed", detail="+2 -1 lines", verdict="safe"),
    )


def test_budgets_and_prices_are_told_by_their_place_and_are_safe() -> None:
    before = Shape(money={"budgets.tenant": "usd 1", "budgets.soft": "0.5", "prices.x": "input_usd_per_million 1"})
    after = Shape(money={"budgets.tenant": "usd 2", "budgets.agent": "tokens 5", "prices.x": "input_usd_per_million 1"})
    assert compare(side(before), side(after)) == (
        Change(kind="money", name="budgets.agent", change="added", verdict="safe"),
        Change(kind="money", name="budgets.soft", change="removed", verdict="safe"),
        Change(kind="money", name="budgets.tenant", change="changed", detail="usd 1 -> usd 2", verdict="safe"),
    )


def test_the_whole_is_as_bad_as_its_worst_line() -> None:
    changes = compare(side(used(t=tool("a", a={}))), side(used(t=tool(), u=tool()), p="new"))
    assert [one.verdict for one in changes] == ["safe", "needs_pin", "safe"]
    assert worst(changes) == "needs_pin"
    assert worst([Change(kind="state", name="a", change="changed", verdict="breaking"), *changes]) == "breaking"
    assert worst([Change(kind="tool", name="of an old record", change="changed")]) == "safe"


def test_a_release_of_which_nothing_is_known_is_not_taken_for_a_safe_one() -> None:
    (line, prompt) = compare(side(None, "r-old", p="a"), side(used(t=tool()), "r-new", p="b"))
    assert (line.kind, line.name, line.verdict) == ("release", "r-old", "needs_pin")
    assert line.detail == "cannot be loaded any more"
    assert prompt.kind == "prompt"


def test_every_rule_but_the_safe_ones_gives_its_reason() -> None:
    assert all(bool(rule.why) == (rule.verdict != "safe") for rule in RULES.values())
    assert {rule.verdict for rule in RULES.values()} == {"safe", "needs_pin", "needs_migration", "breaking"}

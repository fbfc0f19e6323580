"""The way of a state from one revision to another."""

import pytest

from toolcrib.core.compat.migrations import Migration, NoWay, State, renamed, way


def same(state: State) -> State:
    return state


def step(revision: str, *, down: bool = True, **nodes: str) -> Migration:
    return Migration(agent="a", revision=revision, nodes=nodes, up=same, down=same if down else None, file=revision)


A, B, C = step("a", ask="b"), step("b", b="c"), step("c", down=False)
OTHER = step("other", x="y")


@pytest.mark.parametrize(
    ("have", "chain", "former", "expected"),
    [
        ("", [], [], []),
        ("", [A, B], [], ["up a", "up b"]),
        ("a", [A, B], [], ["up b"]),
        ("b", [A, B], [], []),
        ("b", [A], [A, B], ["down b"]),
        ("b", [], [A, B], ["down b", "down a"]),
        ("b", [A, OTHER], [A, B], ["down b", "up other"]),
    ],
)
def test_a_way_goes_back_to_what_both_know_and_then_ahead(
    have: str, chain: list[Migration], former: list[Migration], expected: list[str]
) -> None:
    assert [f"{direction} {one.revision}" for one, direction in way(have, chain, former)] == expected


@pytest.mark.parametrize(
    ("have", "former", "why"),
    [("c", [A, B, C], "'c', and c has no `down`"), ("z", [A], "no migration there leads away from")],
)
def test_without_a_step_back_there_is_no_way(have: str, former: list[Migration], why: str) -> None:
    with pytest.raises(NoWay, match=why):
        way(have, [A], former)


def test_nodes_are_renamed_step_by_step_and_back_again() -> None:
    assert renamed("ask", way("", [A, B], [])) == "c"
    assert renamed("c", way("b", [], [A, B])) == "ask"
    assert renamed("else", way("", [A, B], [])) == "else"


def test_a_migration_of_names_alone_can_be_undone() -> None:
    assert Migration(agent="a", revision="r", nodes={"x": "y"}).reversible
    assert not step("r", down=False).reversible

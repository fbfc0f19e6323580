"""The way back through the history of deployments."""

import pytest

from toolcrib.core.releases import Deployment
from toolcrib.deployment.history import one_back


def history(*steps: str) -> list[Deployment]:
    """Deployments, the newest first: `a` was deployed, `<a` rolled back to, `+a` promoted, `!a` rejected."""
    states = {"<": "rolled_back", "+": "promoted", "!": "rejected"}
    found: list[Deployment] = []
    serving = ""
    for step in steps:
        state, release = states.get(step[0], "active"), step.lstrip("<+!")
        found.append(Deployment(state=state, release=release, previous=serving))  # type: ignore[arg-type]  # a literal
        serving = serving if state == "rejected" else release
    return found[::-1]


@pytest.mark.parametrize(
    ("steps", "back"),
    [
        ("", ""),
        ("a", ""),
        ("a b", "a"),
        ("a b c <b", "a"),
        ("a +b +c <b", "a"),
        ("a b c <b <a", ""),
        ("a b !c", "a"),
        ("a b <a b", "a"),
        ("a b c <a", ""),
        ("a b c <a <c", "a"),
        ("a b c <b d", "b"),
        ("a b c <b d <b", "a"),
        ("a b a", "b"),
        ("a b a <b", "a"),
        ("a b a c <a", "b"),
    ],
)
def test_a_roll_back_shortens_the_way(steps: str, back: str) -> None:
    found = history(*steps.split())
    current = next((one.release for one in found if one.state != "rejected"), "")

    assert one_back(found, current) == back


def test_the_way_begins_with_what_the_oldest_known_deployment_replaced() -> None:
    newest_two = history("a", "b", "c")[:2]

    assert one_back(newest_two, "b") == "a"
    assert one_back(newest_two, "c") == "b"


def test_a_release_that_no_deployment_tells_of_has_none_before() -> None:
    assert one_back(history("a", "b"), "z") == ""

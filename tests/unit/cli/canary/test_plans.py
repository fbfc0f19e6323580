"""What the options of a canary come to, and which do not go together."""

import pytest

from toolcrib.cli.canary import Part, plan
from toolcrib.cli.canary.plans import seconds
from toolcrib.cli.exit_codes import UsageProblem


def part(canary: float | None = None, tenants: str = "", bake: str = "", min_samples: int | None = None) -> Part:
    return Part(canary=canary, tenants=tenants, bake=bake, min_samples=min_samples)


def test_only_what_was_asked_for_is_sent() -> None:
    assert plan(part(), inactive=False, why="") == {}
    assert plan(part(), inactive=True, why="later") == {"activate": False, "why": "later"}
    assert plan(part(canary=10.0, bake="10m", min_samples=5), inactive=False, why="") == {
        "canary": 10.0,
        "bake_s": 600.0,
        "min_samples": 5,
    }
    assert plan(part(tenants="acme, beta,"), inactive=False, why="") == {"tenants": ["acme", "beta"]}


@pytest.mark.parametrize(
    ("asked", "inactive", "said"),
    [
        (part(bake="10m"), False, "Only a canary is judged"),
        (part(min_samples=3), False, "Only a canary is judged"),
        (part(canary=10.0), True, "A canary serves"),
        (part(tenants="acme"), True, "A canary serves"),
        (part(canary=0.0), False, "Nobody would see"),
    ],
)
def test_options_that_do_not_go_together_are_told(asked: Part, inactive: bool, said: str) -> None:
    with pytest.raises(UsageProblem, match=said):
        plan(asked, inactive=inactive, why="")


def test_lengths_of_time_are_written_as_people_do() -> None:
    written = {"90": 90, "90s": 90, "0.5m": 30, "10m": 600, "2h": 7200, "1d": 86_400, "30d": 2_592_000}
    assert {text: seconds(text) for text in written} == written


@pytest.mark.parametrize("text", ["", "soon", "-5m", "10 minutes", "31d", "1h30m"])
def test_what_is_no_length_of_time_is_told_with_an_example(text: str) -> None:
    with pytest.raises(UsageProblem, match="no length of time") as raised:
        seconds(text)
    assert "10m" in raised.value.hint

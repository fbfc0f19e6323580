"""Garbled answers: no exception, nothing carried out that does not stand in the text, and no time lost on long ones."""

import random
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.agents.react.hostile import PIECES, check, garbled
from tests.unit.agents.react.labelled import LABELLED, TOOLS
from toolcrib.agents.react.parser import parse
from toolcrib.agents.react.steps import Actions


def test_garbled_answers_are_understood_or_refused() -> None:
    for text in islice(garbled(random.Random(1)), 10_000):
        check(text)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_a_million_garbled_answers_are_understood_or_refused() -> None:
    chance = random.Random(2)
    for text in islice(garbled(chance), 1_000_000):
        check(text, cut_short=chance.random() < 0.1)


@settings(max_examples=300)
@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=8)), max_size=20).map("".join), st.booleans())
def test_soups_of_labels_are_understood_or_refused(text: str, cut_short: bool) -> None:
    check(text, cut_short=cut_short)


@pytest.mark.parametrize("answer", [one for one in LABELLED if one.actions], ids=lambda one: repr(one.text[:50]))
def test_the_beginning_of_an_answer_does_nothing_that_the_whole_would_not(answer: object) -> None:
    assert isinstance(answer, type(LABELLED[0]))
    for end in range(len(answer.text)):
        step = parse(answer.text[:end], TOOLS)
        for action, (tool, args) in zip(
            step.actions if isinstance(step, Actions) else (), answer.actions, strict=False
        ):
            assert action.tool == tool
            for name, value in action.args.items():
                whole, part = str(args[name]).lstrip('"'), str(value).lstrip('"')  # plain text has no end of its own
                assert value == args[name] or whole.startswith(part), answer.text[:end]

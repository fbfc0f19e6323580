"""The parser of ReAct text: 150 labelled answers and more, none of them carried out wrongly."""

import pytest

from tests.unit.agents.react.labelled import LABELLED, TOOLS, Labelled, outcome
from toolcrib.agents.react.parser import parse


@pytest.mark.parametrize("answer", LABELLED, ids=lambda one: repr(one.text[:50]))
def test_every_labelled_answer_comes_to_what_it_is_labelled_with(answer: Labelled) -> None:
    assert outcome(parse(answer.text, TOOLS, cut_short=answer.cut), answer) == answer


def test_there_are_enough_labelled_answers_of_every_outcome() -> None:
    counts = [
        sum(one.actions is not None for one in LABELLED),
        sum(one.final is not None for one in LABELLED),
        sum(one.wrong is not None for one in LABELLED),
        sum(one.plain for one in LABELLED),
    ]
    assert sum(counts) == len(LABELLED) >= 150
    assert min(counts) >= 5

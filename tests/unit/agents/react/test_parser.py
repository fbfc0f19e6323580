"""The parser of ReAct text: 150 labelled answers and more, none of them carried out wrongly."""

import pytest

from tests.unit.agents.react.labelled import LABELLED, TOOLS, Labelled, outcome
from toolcrib.agents.react.notation import MAX_CHARS, proposal
from toolcrib.agents.react.parser import parse
from toolcrib.agents.react.steps import Malformed


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


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ('{"query": ' * 33 + '"x"' + "}" * 33, "it is nested more than 32 deep.\n"),
        (f'{{"query": "{"x" * MAX_CHARS}"}}', "it is longer than 100,000 characters.\n"),
        ('{"query": "x" "limit": 3}' + " " * 500, "If you mean"),
        (f'{{"query": "{"x" * 500}" "limit": 3}}', 'written \\".\n'),
    ],
)
def test_what_is_too_deep_or_too_long_is_refused_and_only_short_inputs_are_repaired(given: str, why: str) -> None:
    step = parse(f"Action: search\nAction Input: {given}", TOOLS)
    assert isinstance(step, Malformed)
    assert why in step.observation


def test_what_cannot_be_repaired_is_not_proposed() -> None:
    assert [proposal(text) for text in ("{" * 500, "{}", "[1, 2", "no object")] == [""] * 4


def test_more_than_sixteen_actions_are_refused() -> None:
    actions = [f"Action: double\nAction Input: {number}" for number in range(17)]
    assert not isinstance(parse("\n".join(actions[:16]), TOOLS), Malformed)
    step = parse("\n".join(actions), TOOLS)
    assert isinstance(step, Malformed)
    assert "it has more than 16 actions" in step.observation
    as_json = "\n".join(f'{{"action": "double", "action_input": {number}}}' for number in range(17))
    assert "it has more than 16 actions" in getattr(parse(as_json, TOOLS), "observation", "")


@pytest.mark.parametrize(
    "piece", ["### Final Answer", "Tool: ", "Action: x\n", '{"', "[", " ", "</s> ", '\\"', "' \n", "```\n"]
)
@pytest.mark.parametrize(
    "start", ["", "Action: search\nAction Input: ", 'Action: search\nAction Input: {"query": "', "Action: search("]
)
def test_a_long_text_takes_time_in_step_with_its_length(start: str, piece: str) -> None:
    parse(start + piece * (50_000 // len(piece)), TOOLS)  # the square of it would take longer than a test may

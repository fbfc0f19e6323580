"""The offline router against labelled questions: fifty, and many about other tools, written independently of it."""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from toolcrib.agents.offline_router import Decision, OfferedTool, Router, Turn, best_scorer
from toolcrib.agents.offline_router.scoring import LexicalScorer, Scorer

DATA = Path(__file__).parent / "data"
SCORERS: Mapping[str, Scorer] = {"best": best_scorer(), "lexical": LexicalScorer()}


def load(name: str) -> Any:
    return json.loads((DATA / name).read_text(encoding="utf-8"))


def offered(tools: list[dict[str, Any]]) -> list[OfferedTool]:
    return [
        OfferedTool(name=tool["name"], description=tool["description"], parameters=tool["parameters"]) for tool in tools
    ]


def is_one_of(value: Any, accepted: Any) -> bool:
    choices = accepted if isinstance(accepted, list) else [accepted]
    return any(value == one or str(value).lower() == str(one).lower() for one in choices)


def is_complete(decision: Decision, expected: list[dict[str, Any]]) -> bool:
    return len(decision.calls) == len(expected) and all(
        any(
            call.name == wanted["tool"] and all(is_one_of(call.args.get(k), v) for k, v in wanted["args"].items())
            for call in decision.calls
        )
        for wanted in expected
    )


def value_of(expression: str) -> float:
    """The expressions of this file hold numbers and operators only."""
    assert set(expression) <= set("0123456789.+-*/() ^"), expression
    return float(eval(expression.replace("^", "**")))


@pytest.mark.parametrize(("scorer", "right", "complete", "none"), [("best", 48, 45, 9), ("lexical", 40, 40, 8)])
def test_the_shared_questions_reach_their_tools(scorer: str, right: int, complete: int, none: int) -> None:
    data = load("offline-prompts.json")
    router = Router(scorer=SCORERS[scorer], today=lambda: date(2026, 11, 21))
    found = {"right": 0, "complete": 0, "none": 0}
    for prompt in data["prompts"]:
        decision = router.decide([Turn(role="user", text=prompt["text"])], offered(data["tools"]))
        if not decision.calls or decision.calls[0].name != prompt["tool"]:
            continue
        found["right"] += 1
        args = decision.calls[0].args
        if prompt["tool"] == "calculator":
            found["complete"] += value_of(args["expression"]) == prompt["value"]
        else:
            found["complete"] += all(is_one_of(args.get(name), value) for name, value in prompt["args"].items())
    for prompt in data["no_tool_prompts"]:
        found["none"] += not router.decide([Turn(role="user", text=prompt["text"])], offered(data["tools"])).calls

    assert found["right"] >= right
    assert found["complete"] >= complete
    assert found["none"] >= none


@pytest.mark.parametrize(
    ("scorer", "questions", "right", "complete", "none"),
    [
        ("best", "other_dev.json", 0.95, 0.78, 0.90),
        ("best", "other_held_out.json", 0.92, 0.70, 0.88),
        ("lexical", "other_dev.json", 0.93, 0.78, 0.90),
        ("lexical", "other_held_out.json", 0.90, 0.68, 0.88),
    ],
)
def test_questions_about_other_tools_reach_theirs(
    scorer: str, questions: str, *, right: float, complete: float, none: float
) -> None:
    data = load("other_tools.json")
    today = date.fromisoformat(data["today"])
    router = Router(scorer=SCORERS[scorer], today=lambda: today)
    found = {"calls": 0, "right": 0, "complete": 0, "silent": 0, "none": 0}
    for question in load(questions):
        decision = router.decide(
            [Turn(role="user", text=question["text"])], offered(data["registries"][question["registry"]])
        )
        if question.get("calls"):
            found["calls"] += 1
            found["right"] += [call.name for call in decision.calls][:1] == [question["calls"][0]["tool"]]
            found["complete"] += is_complete(decision, question["calls"])
        else:  # none fits, or an argument is missing: in either case nothing may be called
            found["silent"] += 1
            found["none"] += not decision.calls

    assert found["right"] / found["calls"] >= right
    assert found["complete"] / found["calls"] >= complete
    assert found["none"] / found["silent"] >= none

"""Models of `agents.yaml`: tiers, routes and fallbacks, and their mistakes at their places."""

import pytest

from toolcrib.core.models import ModelEntry, ModelPlan, RouteRule
from toolcrib.core.reasons import Reason, draw_all
from toolcrib.loader.config import ProjectConfig, read_config

FILES = {"tools/routing.py": b"def classify(question):\n    return 'simple'\n"}


def read(model: str) -> tuple[ProjectConfig, tuple[Reason, ...]]:
    files = {**FILES, "agents.yaml": f"agents:\n  a:\n    model: {model}\n".encode()}
    return read_config(files, env={})


def test_a_plan_is_read_with_entries_rules_and_fallbacks() -> None:
    config, reasons = read(
        "{simple: offline, complex: {model: 'openai:b', options: {n: 1}}, fallback: [offline, {model: 'openai:c'}],\n"
        "      route: [{tier: complex, min_chars: 99}, {tier: simple, keywords: [hi]}], default: simple}"
    )

    assert reasons == (), draw_all(reasons)
    assert config.agents["a"].model == ModelPlan(
        simple="offline",
        complex=ModelEntry(model="openai:b", options={"n": 1}),
        fallback=("offline", ModelEntry(model="openai:c")),
        route=(RouteRule(tier="complex", min_chars=99), RouteRule(tier="simple", keywords=("hi",))),
        default="simple",
    )


@pytest.mark.parametrize("route", ["auto", "complex", "tools/routing.py:classify", "./tools/routing.py:classify"])
def test_a_route_is_a_word_or_a_function(route: str) -> None:
    assert read(f"{{complex: offline, route: '{route}'}}")[1] == ()


@pytest.mark.parametrize(
    ("model", "code", "column", "words"),
    [
        ("{}", "wrong_value", 12, "it has no tier. Add simple, medium or complex"),
        ("3", "wrong_type", 12, "agents.a.model must be text, not 3"),
        ("{simpel: x}", "unknown_key", 13, "unknown key 'simpel' in agents.a.model"),
        ("{simple: 3}", "wrong_type", 21, "agents.a.model.simple must be text, not 3"),
        ("{simple: ''}", "wrong_value", 21, "agents.a.model.simple must not be empty"),
        ("{simple: {options: {}}}", "missing_key", 13, "agents.a.model.simple has no 'model'"),
        ("{simple: {model: x, option: {}}}", "unknown_key", 32, "unknown key 'option' in agents.a.model.simple"),
        ("{simple: x, fallback: y}", "wrong_type", 34, "agents.a.model.fallback must be a list, not 'y'"),
        ("{simple: x, fallback: [y, 3]}", "wrong_type", 38, "agents.a.model.fallback[1] must be text, not 3"),
        ("{simple: x, default: tiny}", "wrong_value", 33, "must be one of 'simple', 'medium' or 'complex'"),
        ("{simple: x, route: fast}", "wrong_value", 31, "'fast' is no route. Write auto, simple"),
        ("{simple: x, route: 'tools/rooting.py:f'}", "route_missing", 31, "'tools/rooting.py' is not in this project"),
        ("{simple: x, route: [{tier: simpl}]}", "wrong_value", 39, "agents.a.model.route[0].tier must be one of"),
        ("{simple: x, route: [{max_chars: 3}]}", "missing_key", 32, "agents.a.model.route[0] has no 'tier'"),
        ("{simple: x, route: [{tier: simple, max_char: 3}]}", "unknown_key", 47, "unknown key 'max_char'"),
    ],
)
def test_a_mistake_in_a_plan_is_told_at_its_place(model: str, code: str, column: int, words: str) -> None:
    _, reasons = read(model)

    assert len(reasons) == 1, draw_all(reasons)
    assert (reasons[0].code, reasons[0].place) == (code, f"agents.yaml:3:{column}"), draw_all(reasons)
    assert words in reasons[0].message


@pytest.mark.parametrize(
    ("model", "hint"),
    [
        ("{simpel: x}", "Did you mean 'simple'?"),
        ("{simple: x, default: simpl}", "Did you mean 'simple'"),
        ("{simple: x, route: 'tools/rooting.py:f'}", "Did you mean 'tools/routing.py'?"),
        ("{simple: x, route: [{tier: simple, max_char: 3}]}", "Did you mean 'max_chars'"),
    ],
)
def test_names_that_are_nearly_right_are_told(model: str, hint: str) -> None:
    assert hint in read(model)[1][0].hint

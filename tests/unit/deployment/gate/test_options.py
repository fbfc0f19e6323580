"""Options that models do not take are refused at their place, once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.loader.projects import ADD, Project
from toolcrib.deployment.gate.options import misfits, with_options

GPT = "openai:gpt-5-mini"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    found = Project(str(tmp_path))
    yield found
    found.pool.sweep([])


def places(project: Project, agents: str, *, passed: frozenset[str] = frozenset(), **files: str) -> list[str]:
    loaded, reasons = project.load({"tools/a.py": ADD, "agents.yaml": agents, **files})
    assert loaded is not None, reasons
    return [reason.place for reason in misfits(loaded, passed=passed)]


@pytest.mark.parametrize(
    "agent",
    [
        f"{{model: {GPT}, model_options: {{temperature: 1}}}}",
        f"{{model: {GPT}, model_options: {{^temprature: 1}}}}",
        f"{{model: {{simple: {{model: {GPT}, options: {{^temprature: 1}}}}}}}}",
        f"{{model: {{simple: {GPT}, fallback: [offline, {{model: {GPT}, options: {{^topp: 1}}}}]}}}}",
        f"{{model: {{simple: {GPT}, fallback: [{{model: {GPT}}}]}}, model_options: {{^topp: 1}}}}",
        f"{{model: {GPT}, ^model_options: {{n: 0}}}}",
        f"{{model: {{simple: {{model: {GPT}, ^options: {{n: 0}}}}}}}}",
    ],
)
def test_the_option_is_pointed_at(project: Project, agent: str) -> None:
    agents = f"agents: {{one: {agent}}}"
    found = [f"agents.yaml:1:{agents.index('^') + 1}"] if "^" in agents else []
    assert list(dict.fromkeys(places(project, agents.replace("^", "")))) == found


def test_what_has_passed_is_not_looked_at_again(project: Project) -> None:
    agents = f"agents: {{one: {{model: {GPT}, model_options: {{temprature: OPTION}}}}}}"
    loaded, _ = project.load({"tools/a.py": ADD, "agents.yaml": agents.replace("OPTION", "1")})
    assert loaded is not None
    passed = with_options(one.spec for one in loaded.agents.values())
    assert len(passed) == 1
    assert places(project, agents.replace("OPTION", "1"), passed=passed) == []
    assert len(places(project, agents.replace("OPTION", "2"), passed=passed)) == 1

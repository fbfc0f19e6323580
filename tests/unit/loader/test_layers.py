"""Layers of policy: the most specific word wins, its place is known, and words about nothing are mistakes."""

import pytest

from tests.unit.loader.projects import Project
from toolcrib.core.reasons import draw_all
from toolcrib.core.tools import Tool
from toolcrib.loader.project import LoadedProject

TOOLS = '''
from toolcrib import Retry, tool

@tool(timeout_s=20, retry=Retry(attempts=2))
def search(query: str) -> str:
    """Searches."""
    return query

@tool
def search_slowly(query: str, depth: int = 1) -> str:
    """Searches slowly."""
    return query

@tool
def search_deeply(query: str, depth: int) -> str:
    """Searches deeply."""
    return query
'''
AGENTS = "agents: {support: {model: offline, tools: [search]}, sales: {model: offline, tools: [search]}}\n"
YAML = """defaults: {attempt_timeout_s: 9, timeout_s: 8}
tools:
  search: {retry: {attempts: 5}}
per_agent:
  support:
    search: {timeout_s: 4, exclusive: index}
per_tenant:
  acme:
    search: {timeout_s: 3}
"""


def files(tools_yaml: str) -> dict[str, str]:
    return {"tools/search.py": TOOLS, "agents.yaml": AGENTS, "tools.yaml": tools_yaml}


def loaded(project: Project, tools_yaml: str) -> LoadedProject:
    found, reasons = project.load(files(tools_yaml))
    assert found is not None, draw_all(reasons)
    return found


def test_the_most_specific_word_wins_field_by_field(project: Project) -> None:
    found_all = loaded(project, YAML)
    policy = found_all.tools["search"].spec.policy
    assert (policy.timeout_s, policy.attempt_timeout_s, policy.retry and policy.retry.attempts) == (20, 9, 5)
    variants = found_all.catalogue.variants
    found = {key: tool.spec.policy for key, tool in variants.items() if isinstance(tool, Tool)}
    assert {key: (one.timeout_s, one.exclusive, one.attempt_timeout_s) for key, one in found.items()} == {
        ("search", "support", ""): (4, "index", 9),
        ("search", "", "acme"): (3, "", 9),
        ("search", "support", "acme"): (3, "index", 9),
    }


def test_the_place_of_every_word_is_known(project: Project) -> None:
    tool = loaded(project, YAML).catalogue.variants["search", "support", "acme"]
    assert isinstance(tool, Tool)
    variant = tool.spec
    assert variant.scope == "per_agent.support per_tenant.acme"
    assert dict(variant.sources) == {
        "attempt_timeout_s": "defaults in tools.yaml:1",
        "timeout_s": "per_tenant.acme.search in tools.yaml:9",
        "retry": "tools.search in tools.yaml:3",
        "exclusive": "per_agent.support.search in tools.yaml:6",
    }
    assert loaded(project, "").tools["search"].spec.sources == {
        "timeout_s": "@tool in tools/search.py:4",
        "retry": "@tool in tools/search.py:4",
    }


@pytest.mark.parametrize(
    ("yaml", "said"),
    [
        ("tools: {serch: {}}", "there is no tool 'serch'"),
        ("per_agent: {support: {serch: {}}}", "there is no tool 'serch'"),
        ("per_agent: {suport: {search: {}}}", "there is no agent 'suport'"),
        ("per_tenant: {acme: {serch: {}}}", "there is no tool 'serch'"),
        ("tools: {search: {fallback: serch_slowly}}", "which is not there"),
        ("per_tenant: {acme: {search: {fallback: nothing}}}", "which is not there"),
        ("tools: {search: {fallback: search_deeply}}", "which needs depth too"),
        ("tools: {search: {on_error: {KeyError: fallback}}}", "no fallback, but `on_error` asks"),
        ("per_tenant: {acme: {search: {escalate: {then: fallback}}}}", "no fallback, but `escalate` asks"),
        ("tools: {search: {approval: when(limt > 3)}}", "no argument 'limt', of which its approval speaks"),
        ("tools: {search: {fallback: search}}", "go in a circle: search -> search"),
    ],
)
def test_words_about_what_is_not_there_are_told_at_their_place(yaml: str, said: str, project: Project) -> None:
    nothing, reasons = project.load(files(yaml + "\n"))
    assert nothing is None
    assert len(reasons) == 1, draw_all(reasons)
    assert said in reasons[0].message
    assert (reasons[0].file, reasons[0].line) == ("tools.yaml", 1)


def test_a_fallback_may_take_fewer_arguments_less_strictly(project: Project) -> None:
    found = loaded(project, "tools: {search: {fallback: search_slowly}}\n")
    assert found.tools["search"].spec.policy.fallback == "search_slowly"


def test_two_tools_that_fall_back_to_each_other_are_both_told(project: Project) -> None:
    yaml = "tools: {search: {fallback: search_slowly}, search_slowly: {fallback: search}}\n"
    _, reasons = project.load(files(yaml))
    assert [reason.message for reason in reasons] == [
        "the fallbacks of tool 'search' go in a circle: search -> search_slowly -> search",
        "the fallbacks of tool 'search_slowly' go in a circle: search_slowly -> search -> search_slowly",
    ]

"""Experiments in a project: what each variant's callers find, who stands outside, and every mistake with its place."""

from textwrap import dedent

import pytest

from tests.unit.loader.projects import Files, Project
from toolcrib.core.experiments.arms import Arm
from toolcrib.core.models import ModelPlan
from toolcrib.core.reasons import draw_all
from toolcrib.core.tools import Tool
from toolcrib.loader.project import LoadedProject

TOOLS = '''
from toolcrib import tool

@tool(side_effect="read", timeout_s=20)
def search(query: str, page: int = 1) -> str:
    """Search."""
    return "slow"

@tool(side_effect="read", timeout_s=5)
def search_fast(query: str, page: int = 1, limit: int = 5) -> str:
    """Search quickly."""
    return "fast"

@tool(side_effect="read")
def other(query: str) -> str:
    """Something else."""
    return "other"
'''
BASE: Files = {
    "tools/search.py": TOOLS,
    "agents.yaml": "agents: {support: {prompt: prompts/a.md, variables: {who: Ada}}, shy: {}}\n",
    "prompts/a.md": "You serve {who}.",
    "prompts/b.md": "Be quick, {who}. You are {agent}.",
}
FAST = Arm("v2", "fast")


def yaml(experiments: str, rest: str = "") -> Files:
    return {"tools.yaml": f"{dedent(rest)}experiments: {experiments}\n"}


def loaded(project: Project, *files: Files) -> LoadedProject:
    found, reasons = project.load({**BASE, **{path: text for each in files for path, text in each.items()}})
    assert found is not None, draw_all(reasons)
    return found


def told(project: Project, *files: Files) -> list[tuple[str, str, str]]:
    found, reasons = project.load({**BASE, **{path: text for each in files for path, text in each.items()}})
    assert found is None
    return [(reason.code, reason.place, reason.message) for reason in reasons]


def tool_of(found: LoadedProject, agent: str = "", name: str = "search") -> Tool | str:
    return found.catalogue.arms[agent, FAST][name]


SWAP = "{v2: {variants: {control: {weight: 9}, fast: {weight: 1, tools: {search: search_fast}}}, by: tenant}}"


def test_a_variant_has_the_other_tool_s_code_and_policy_under_the_name(project: Project) -> None:
    found = loaded(project, yaml(SWAP))
    tool = tool_of(found)
    assert isinstance(tool, Tool)
    assert (tool.name, tool.spec.code_name, tool.spec.description) == ("search", "search_fast", "Search quickly.")
    assert (tool.spec.policy.timeout_s, tool.spec.scope) == (5, "experiments.v2.fast")
    assert "limit" in tool.spec.args_schema["properties"]
    assert found.catalogue.arms.keys() == {("", FAST)}
    one = found.experiments["v2"]
    assert (one.by, one.salt, one.place) == ("tenant", "v2", "tools.yaml:1")
    assert one.tools == {"search"}
    assert {name: variant.weight for name, variant in one.variants.items()} == {"control": 9, "fast": 1}


def test_the_two_tools_are_told_apart_where_results_and_breakers_are_kept(project: Project) -> None:
    found = loaded(project, yaml(SWAP))
    tool, digests = tool_of(found), {found.tools[name].spec.digest for name in ("search", "search_fast")}
    assert isinstance(tool, Tool)
    assert tool.spec.digest not in digests
    again = tool_of(loaded(project, yaml(SWAP), {"prompts/b.md": "x"}))
    assert isinstance(again, Tool)
    assert again.spec.digest == tool.spec.digest


def test_who_has_it_at_all_is_said_of_the_name_and_never_of_the_other_tool(project: Project) -> None:
    rest = """\
        tools: {search_fast: {enabled: false, timeout_s: 3}}
        per_agent: {shy: {search: {enabled: false}}, support: {search_fast: {timeout_s: 2}}}
        """
    found = loaded(project, yaml(SWAP, rest))
    assert "search_fast" not in found.tools
    for agent, seconds in (("", 3), ("support", 2)):
        tool = tool_of(found, agent)
        assert isinstance(tool, Tool)
        assert tool.spec.policy.timeout_s == seconds
    assert tool_of(found, "shy") == "per_agent.shy.search in tools.yaml:2"


def test_a_tool_that_only_an_agent_has_is_given_to_nobody_else_by_a_variant(project: Project) -> None:
    rest = """\
        tools: {search: {enabled: false}}
        per_agent: {support: {search: {enabled: true}}}
        """
    found = loaded(project, yaml(SWAP, rest))
    assert tool_of(found) == "tools.search in tools.yaml:1"
    assert isinstance(tool_of(found, "support"), Tool)


def test_what_is_sensitive_of_the_name_is_sensitive_of_the_variant(project: Project) -> None:
    marked = "tools: {search: {sensitive: [query]}}\n"
    tool = tool_of(loaded(project, yaml(SWAP, marked)))
    assert isinstance(tool, Tool)
    assert isinstance(tool.spec.sensitive.args, dict)
    assert (tool.spec.sensitive.args["query"], tool.spec.sensitive.args["page"]) == (True, False)


def test_an_agent_of_a_variant_has_the_fields_that_are_written_and_all_others_of_its_own(project: Project) -> None:
    said = "{tone: {variants: {a: {}, b: {agents: {support: {prompt: ./prompts/b.md, limits: {iterations: 3}}}}}}}"
    found = loaded(project, yaml(said))
    base, agent = found.agents["support", ""], found.agent_arms["support", Arm("tone", "b")]
    assert agent.prompt == "Be quick, Ada. You are support."
    assert (agent.spec.limits.iterations, agent.spec.variables) == (3, base.spec.variables)
    assert found.agent_arms.keys() == {("support", Arm("tone", "b"))}
    assert found.experiments["tone"].agents == {"support"}
    assert found.experiments["tone"].by == "thread"


def test_a_variant_may_be_a_plan_of_models_with_a_function_that_chooses(project: Project) -> None:
    routing = {"tools/routing.py": "def pick(question): return 'simple'\n"}
    model = "{simple: offline, complex: 'openai:gpt-5', route: ./tools/routing.py:pick}"
    more = "model_retry: {attempts: 1}, degrade: {answer: Sorry.}, context: {max_tokens: 500}"
    agents = f"{{support: {{model: {model}, {more}}}}}"
    found = loaded(project, routing, yaml(f"{{m: {{variants: {{b: {{agents: {agents}}}}}}}}}"))
    base, agent = found.agents["support", ""], found.agent_arms["support", Arm("m", "b")]
    assert isinstance(agent.spec.model, ModelPlan)
    assert (agent.spec.model.tiers, agent.router("?"), base.router) == (("simple", "complex"), "simple", None)
    assert agent.spec.degrade is not None
    assert agent.spec.context is not None
    assert (agent.spec.model_retry.attempts, agent.spec.degrade.answer) == (1, "Sorry.")
    assert (agent.spec.context.max_tokens, agent.spec.variables) == (500, base.spec.variables)


@pytest.mark.parametrize(
    "files",
    [
        {"tenants/acme/tools.yaml": "tools: {search: {timeout_s: 1}}\n"},
        {"tenants/acme/tools.yaml": "tools: {search_fast: {timeout_s: 1}}\n"},
        {"tenants/acme/tools/own.py": TOOLS.partition('@tool(side_effect="read", timeout_s=5)')[0]},
        {"tenants/acme/agents.yaml": "agents: {support: {model: offline, prompt: Hello}}\n"},
        {"tenants/acme/prompts/b.md": "Be slow."},
    ],
)
def test_a_tenant_that_has_something_of_it_otherwise_stands_outside(project: Project, files: Files) -> None:
    fast = "{tools: {search: search_fast}, agents: {support: {prompt: prompts/b.md}}}"
    both = f"{{v2: {{variants: {{control: {{}}, fast: {fast}}}}}}}"
    globex = {"tenants/globex/tools.yaml": "tools: {other: {timeout_s: 1}}\n"}
    assert loaded(project, yaml(both), files, globex).experiments["v2"].outside == {"acme"}


@pytest.mark.parametrize(
    ("said", "code", "message"),
    [
        ("tools: {^serch: search_fast}", "unknown_tool", "there is no tool 'serch'"),
        ("tools: {search: ^fast}", "unknown_tool", "there is no tool 'fast'"),
        ("tools: {search: ^search}", "experiment", "puts tool 'search' in its own place"),
        ("tools: {search: ^other}", "experiment", "has no argument 'page'"),
        ("agents: {^suport: {}}", "unknown_agent", "there is no agent 'suport'"),
        ("agents: {support: {prompt: ^prompts/c.md}}", "prompt_missing", "'prompts/c.md' is not in this"),
        ("agents: {support: {prompt: ^'Hi {whom}'}}", "prompt_variable", "has no variable 'whom'"),
        ("agents: {support: {model: {simple: offline, route: ^lost.py:pick}}}", "route_missing", "'lost.py' is not in"),
        ("agents: {support: {model: {simple: offline, route: ^tools/search.py:no}}}", "unknown_route", "has no 'no'"),
        ("agents: {support: {model: ^{fallback: [offline]}}}", "wrong_value", "it has no tier"),
    ],
)
def test_mistakes_are_told_where_they_stand(project: Project, said: str, code: str, message: str) -> None:
    written = f"{{v2: {{variants: {{a: {{}}, b: {{{said}}}}}}}}}"
    column = len("experiments: ") + written.index("^") + 1
    ((kind, place, words),) = told(project, yaml(written.replace("^", "")))
    assert (kind, place) == (code, f"tools.yaml:1:{column}")
    assert message in words


def test_both_tools_must_take_the_same_calls(project: Project) -> None:
    narrower = dedent(
        '''
        from typing import Literal
        from toolcrib import tool

        @tool(side_effect="read")
        def search_fast(query: Literal["shoes"], limit: int, page: int = 1) -> str:
            """Search quickly."""
            return query
        '''
    )
    files = {"tools/search.py": TOOLS.replace("search_fast", "unused"), "tools/fast.py": narrower}
    assert [message for _, _, message in told(project, yaml(SWAP), files)] == [
        "'search_fast' in the place of 'search' needs limit, which callers need not give",
        "'search_fast' in the place of 'search' does not take every value of argument 'query'",
    ]


def test_a_variant_keeps_the_guards_of_the_name(project: Project) -> None:
    rest = "tools: {search: {scopes: [catalogue]}, search_fast: {fallback: search}}\n"
    messages = [message for _, _, message in told(project, yaml(SWAP, rest))]
    assert messages == [
        "'search_fast' in the place of 'search' does not ask for the scope catalogue",
        "the fallbacks of tool 'search' go in a circle: search -> search (in variant 'v2:fast')",
    ]
    kept = "tools: {search: {scopes: [catalogue]}, search_fast: {scopes: [catalogue, more]}}\n"
    assert loaded(project, yaml(SWAP, kept)).experiments


@pytest.mark.parametrize(
    ("name", "other", "fits"),
    [
        ("required", "", False),
        ("required", "approval: when(page > 1)", False),
        ("when(page > 1)", "approval: when(page > 2)", False),
        ("when(page > 1)", "approval: when(page > 1)", True),
        ("when(page > 1)", "approval: required", True),
    ],
)
def test_a_person_is_asked_as_often_in_a_variant(project: Project, name: str, other: str, *, fits: bool) -> None:
    rest = f"tools: {{search: {{approval: {name}}}, search_fast: {{{other}}}}}\n"
    if fits:
        assert loaded(project, yaml(SWAP, rest)).experiments
    else:
        ((_, _, message),) = told(project, yaml(SWAP, rest))
        assert message == "'search_fast' in the place of 'search' does not ask a person where it does"


def test_two_experiments_cannot_change_the_same_tool_or_agent(project: Project) -> None:
    agent = "agents: {support: {limits: {iterations: 2}}}"
    said = (
        "\n  one: {variants: {a: {tools: {search: search_fast}}, b: {tools: {search: search_fast}}}}"
        f"\n  two: {{variants: {{a: {{tools: {{search: search_fast}}}}, b: {{{agent}}}}}}}"
        f"\n  three: {{variants: {{b: {{{agent}}}}}}}"
    )
    assert [(code, place, message) for code, place, message in told(project, yaml(said))] == [
        ("experiment", "tools.yaml:3:32", "tool 'search' is changed by experiment 'one' too"),
        ("experiment", "tools.yaml:4:35", "agent 'support' is changed by experiment 'two' too"),
    ]


@pytest.mark.parametrize(
    ("said", "place", "message"),
    [
        ("3", "1:14", "experiments must be a mapping of names (`name: {…}`), not 3"),
        ("{v2: {}}", "1:15", "experiment 'v2' has no variants"),
        ("{v2: {variants: {a: {weight: 0}}}}", "1:30", "all weights are 0"),
        ("{v2: {variants: {a: {weight: -1}}}}", "1:43", "must be at least 0, not -1"),
        ("{v2: {variants: {a: {weight: true}}}}", "1:43", "a weight is a number"),
        ("{v2: {variants: {a: {}}, by: moon}}", "1:43", "must be one of 'tenant', 'user' or 'thread', not 'moon'"),
        ("{v2: {variants: {a: {wait: 1}}}}", "1:35", "unknown key 'wait' in experiments.v2.variants.a"),
        ("{v2: {variants: {a: {agents: {support: {kind: graph}}}}}}", "1:54", "unknown key 'kind'"),
        ("{v2: {variants: {'a,b': {}}}}", "1:31", "'a,b' cannot be the name of a variant"),
        ("{'v:2': {variants: {a: {}}}}", "1:15", "'v:2' cannot be the name of an experiment"),
    ],
)
def test_what_is_written_wrongly_is_told_in_words(project: Project, said: str, place: str, message: str) -> None:
    ((_, where, words),) = told(project, yaml(said))
    assert where == f"tools.yaml:{place}"
    assert message in words


def test_experiments_have_no_place_in_the_folder_of_a_tenant(project: Project) -> None:
    files = {"tenants/acme/tools.yaml": "experiments: {v2: {variants: {a: {}}}}\n"}
    assert told(project, files) == [
        ("unknown_key", "tenants/acme/tools.yaml:1:15", "`experiments` has no place in the folder of a tenant")
    ]


def test_a_built_in_tool_may_stand_in_and_the_reader_of_long_results_comes_with_a_variant(project: Project) -> None:
    rest = "tools: {search_fast: {enabled: false, output: {max_chars: 500, excess: store}}}\n"
    (found,) = [loaded(project, yaml(SWAP, rest + "per_agent: {support: {read_artifact: {}}}\n"))]
    assert "read_artifact" in {tool.name for tool in found.agents["support", ""].tools}
    (mistake,) = told(project, yaml(SWAP, rest))
    assert "stores what is too long, and nothing reads it" in mistake[2]

"""Overlays: what the folder of a tenant replaces, adds and takes away, for that tenant alone."""

from textwrap import dedent

import pytest

from tests.unit.loader.projects import Files, Project
from toolcrib.core.reasons import draw_all
from toolcrib.core.tools import Tool
from toolcrib.loader.project import LoadedProject


def tool(name: str, text: str, *, options: str = "", args: str = "order_id: str") -> str:
    return dedent(
        f'''
        from toolcrib import tool

        @tool({options})
        def {name}({args}) -> str:
            """{text}"""
            return "{text}"
        '''
    )


BASE = {
    "tools/orders.py": tool("order_status", "base", options="timeout_s=20") + tool("refund", "base"),
    "agents.yaml": "agents: {support: {model: offline, prompt: prompts/support.md, variables: {who: Ada}}}\n",
    "prompts/support.md": "You serve {who} as {agent}.",
}


def loaded(project: Project, files: Files) -> LoadedProject:
    found, reasons = project.load({**BASE, **files})
    assert found is not None, draw_all(reasons)
    return found


def told(project: Project, files: Files) -> list[tuple[str, str, int]]:
    found, reasons = project.load({**BASE, **files})
    assert found is None
    assert len(project.pool) == 0
    return [(reason.code, reason.file, reason.line) for reason in reasons]


def seen(found: LoadedProject, tenant: str = "", agent: str = "") -> dict[str, str]:
    return {name: tool.spec.description for name, tool in found.catalogue.seen_by(agent, tenant).items()}


def spec_of(found: LoadedProject, name: str, tenant: str) -> Tool:
    return found.catalogue.seen_by("", tenant)[name]


def prompt_of(found: LoadedProject, tenant: str, agent: str = "support") -> str:
    return found.agents.get((agent, tenant), found.agents[agent, ""]).prompt


def test_a_tenant_replaces_adds_and_takes_away_tools_for_itself_alone(project: Project) -> None:
    found = loaded(
        project,
        {
            "tenants/acme/tools/own.py": tool("order_status", "acme") + tool("loyalty", "acme"),
            "tenants/acme/tools.yaml": "tools: {refund: {enabled: false}}\n",
            "tenants/globex/tools/own.py": tool("audit_trail", "globex"),
        },
    )
    base = {"order_status": "base", "refund": "base"}
    assert seen(found) == seen(found, "initech") == base
    assert seen(found, "acme") == {"order_status": "acme", "loyalty": "acme"}
    assert seen(found, "globex") == {**base, "audit_trail": "globex"}
    assert [tool.name for tool in found.agents["support", "acme"].tools] == ["loyalty", "order_status"]


def test_what_a_tenant_leaves_alone_is_the_very_same_object(project: Project) -> None:
    found = loaded(project, {"tenants/acme/tools/own.py": tool("loyalty", "acme")})
    assert spec_of(found, "refund", "acme") is found.tools["refund"]
    assert {name for name, _, _ in found.catalogue.variants} == {"loyalty"}


def test_modules_of_tenants_have_names_of_their_own_and_reach_the_project_s(project: Project) -> None:
    shared = {"tools/shared.py": "WORD = 'shared'\n", "tenants/acme/tools/_own.py": "WORD = 'own'\n"}
    code = "from tools.shared import WORD\nfrom ._own import WORD as OWN\n" + tool("both", "x")
    found = loaded(project, {**shared, "tenants/acme/tools/own.py": code.replace('return "x"', "return WORD + OWN")})
    made = found.space.load("tenants.acme.tools.own")
    assert (made.both(""), made.__name__.partition(".tenants.")[2]) == ("sharedown", "acme.tools.own")
    assert found.space.load("tools.shared").WORD == "shared"


def test_a_base_tool_that_a_tenant_imports_stays_the_project_s(project: Project) -> None:
    wrap = "from tools.orders import order_status as inner\n" + tool("loyalty", "acme")
    found = loaded(project, {"tenants/acme/tools/own.py": wrap})
    assert spec_of(found, "order_status", "acme") is found.tools["order_status"]


@pytest.mark.parametrize(
    ("path", "statement"),
    [
        ("tools/a.py", "def late():\n    from tenants.acme.tools import own\n"),
        ("tools/a.py", "import tenants\n"),
        ("tenants/globex/tools/a.py", "import tenants.acme.tools.own\n"),
        ("tenants/globex/tools/a.py", "from ...acme.tools import own\n"),
        ("tenants/globex/tools/a.py", "from tenants import acme\n"),
    ],
)
def test_nobody_imports_the_code_of_a_tenant_but_that_tenant(path: str, statement: str, project: Project) -> None:
    files = {"tenants/acme/tools/own.py": tool("loyalty", "acme"), "tenants/globex/tools/b.py": "x = 1\n"}
    line = 2 if "late" in statement else 1
    assert ("tenant_import", path, line) in told(project, {**files, path: statement})


def test_configuration_goes_before_code_and_the_tenant_s_before_the_project_s(project: Project) -> None:
    found = loaded(
        project,
        {
            "tools.yaml": "defaults: {attempt_timeout_s: 1}\ntools:\n  order_status: {exclusive: base}\n"
            "per_tenant:\n  acme:\n    order_status: {concurrency: 3}\n",
            "tenants/acme/tools/own.py": tool("order_status", "acme", options="timeout_s=7"),
            "tenants/acme/tools.yaml": "defaults: {attempt_timeout_s: 2}\ntools:\n"
            "  order_status: {exclusive: acme, concurrency: 9}\n",
        },
    )
    spec = spec_of(found, "order_status", "acme").spec
    policy = spec.policy
    assert (policy.timeout_s, policy.attempt_timeout_s, policy.exclusive) == (7, 2, "acme")
    assert policy.concurrency is not None
    assert policy.concurrency.limit == 3
    assert (spec.place, spec.replaces) == ("tenants/acme/tools/own.py:4", ("tools/orders.py:4",))
    assert dict(spec.sources) == {
        "attempt_timeout_s": "defaults in tenants/acme/tools.yaml:1",
        "timeout_s": "@tool in tenants/acme/tools/own.py:4",
        "exclusive": "tools.order_status in tenants/acme/tools.yaml:3",
        "concurrency": "per_tenant.acme.order_status in tools.yaml:6",
    }
    weaker = {name: [(one.value, one.source) for one in said] for name, said in spec.overruled.items()}
    assert weaker["attempt_timeout_s"] == [(1.0, "defaults in tools.yaml:1")]
    assert weaker["exclusive"] == [("base", "tools.order_status in tools.yaml:3")]
    assert [source for _, source in weaker["concurrency"]] == ["tools.order_status in tenants/acme/tools.yaml:3"]
    assert found.tools["order_status"].spec.policy.exclusive == "base"


def test_a_word_for_an_agent_holds_for_a_tenant_s_own_tool_too(project: Project) -> None:
    found = loaded(
        project,
        {
            "tools.yaml": "per_agent: {support: {order_status: {timeout_s: 4, exclusive: a}}}\n",
            "tenants/acme/tools/own.py": tool("order_status", "acme"),
            "tenants/acme/tools.yaml": "tools: {order_status: {exclusive: b}}\n",
        },
    )
    policy = found.catalogue.seen_by("support", "acme")["order_status"].spec.policy
    assert (policy.timeout_s, policy.exclusive) == (4, "b")


def test_tools_are_disabled_enabled_and_renamed_wherever_a_tools_yaml_may_say_so(project: Project) -> None:
    found = loaded(
        project,
        {
            "tools.yaml": "tools: {refund: {enabled: false}, order_status: {rename: get_order}}\n"
            "per_agent: {support: {get_order: {enabled: false}}}\n"
            "per_tenant: {globex: {refund: {enabled: true}}, initech: {get_order: {enabled: false}}}\n",
            "tenants/acme/tools.yaml": "tools: {refund: {enabled: true}, get_order: {rename: lookup, timeout_s: 3}}\n",
        },
    )
    assert seen(found) == {"get_order": "base"}
    assert seen(found, agent="support") == {}
    assert seen(found, "globex") == {"get_order": "base", "refund": "base"}
    assert seen(found, "initech") == {}
    assert seen(found, "acme") == {"lookup": "base", "refund": "base"}
    assert found.tools["get_order"].spec.code_name == "order_status"
    assert spec_of(found, "lookup", "acme").spec.policy.timeout_s == 3
    with pytest.raises(Exception, match="lookup"):
        spec_of(found, "lookup", "acme").validate({"nothing": 1})


def test_a_tenant_s_tool_may_stand_for_one_that_was_renamed(project: Project) -> None:
    found = loaded(
        project,
        {
            "tools.yaml": "tools: {order_status: {rename: get_order, exclusive: base}}\n",
            "tenants/acme/tools/own.py": tool("get_order", "acme"),
        },
    )
    assert seen(found, "acme") == {"get_order": "acme", "refund": "base"}
    assert spec_of(found, "get_order", "acme").spec.policy.exclusive == "base"


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"tools.yaml": "tools: {refund: {rename: order_status}}\n"}, ("duplicate_tool", "tools.yaml", 1)),
        ({"tools.yaml": "tools:\n  refund:\n    rename: no name\n"}, ("wrong_value", "tools.yaml", 3)),
        ({"tenants/acme/tools.yaml": "tools: {refnd: {}}\n"}, ("unknown_tool", "tenants/acme/tools.yaml", 1)),
        ({"tenants/acme/tools.yaml": "tools: {refund: 3}\n"}, ("wrong_type", "tenants/acme/tools.yaml", 1)),
        (
            {"tenants/acme/tools.yaml": "per_agent: {suport: {refund: {}}}\n"},
            ("unknown_agent", "tenants/acme/tools.yaml", 1),
        ),
        (
            {"tenants/acme/tools.yaml": "per_tenant: {acme: {refund: {}}}\n"},
            ("unknown_key", "tenants/acme/tools.yaml", 1),
        ),
        ({"tenants/acme/toolcrib.yaml": "server: {port: 1}\n"}, ("tenant_file", "tenants/acme/toolcrib.yaml", 0)),
        ({"tenants/a.b/tools/x.py": "x = 1\n"}, ("tenant_name", "tenants/a.b", 0)),
        ({"tenants/acme/tools/x.py": "import nothing_of_this_name\n"}, ("import", "tenants/acme/tools/x.py", 1)),
        (
            {"tenants/acme/tools.yaml": "tools:\n  refund: {fallback: nothing}\n"},
            ("policy", "tenants/acme/tools.yaml", 2),
        ),
        (
            {
                "tools.yaml": "tools:\n  refund: {fallback: order_status}\n",
                "tenants/acme/tools.yaml": "tools: {order_status: {enabled: false}}\n",
            },
            ("policy", "tools.yaml", 2),
        ),
        (
            {"tenants/acme/tools.yaml": "tools: {refund: {sensitive: [card]}}\n"},
            ("unknown_argument", "tenants/acme/tools.yaml", 1),
        ),
        (
            {"tenants/acme/agents.yaml": "agents:\n  support: {tools: [nothing]}\n"},
            ("unknown_tool", "tenants/acme/agents.yaml", 2),
        ),
        (
            {"tenants/acme/agents.yaml": "agents:\n  support: {prompt: prompts/no.md}\n"},
            ("prompt_missing", "tenants/acme/agents.yaml", 2),
        ),
        (
            {"tenants/acme/prompts/support.md": "Hello\n{nobody}"},
            ("prompt_variable", "tenants/acme/prompts/support.md", 2),
        ),
        (
            {
                "tenants/acme/agents.yaml": "agents: {support: {prompt: prompts/own.md}}\n",
                "tenants/acme/prompts/own.md": "{x}",
            },
            ("prompt_variable", "tenants/acme/prompts/own.md", 1),
        ),
    ],
)
def test_mistakes_in_an_overlay_are_told_at_their_place(
    files: Files, reason: tuple[str, str, int], project: Project
) -> None:
    assert told(project, files) == [reason]


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("agents:\n  support:\n\tmodel: offline\n", "yaml_syntax", 3),
        ("agents: {support: {\n", "yaml_syntax", 2),
        ("agents:\n  - name: support\n", "wrong_type", 2),
        ("- a\n", "not_a_mapping", 1),
        ("agents: text\n", "wrong_type", 1),
    ],
)
def test_agents_that_cannot_be_read_are_told_at_their_place(text: str, code: str, line: int, project: Project) -> None:
    assert told(project, {"agents.yaml": text}) == [(code, "agents.yaml", line)]


@pytest.mark.parametrize("text", ["", "# nobody\n", "agents:\n"])
def test_a_file_without_agents_is_none(text: str, project: Project) -> None:
    assert loaded(project, {"agents.yaml": text}).agents == {}


def test_prompts_and_agents_of_a_tenant_lie_over_those_of_the_project(project: Project) -> None:
    found = loaded(
        project,
        {
            "tenants/acme/prompts/support.md": "Acme's {who}.",
            "tenants/globex/agents.yaml": "agents:\n  support: {variables: {who: Eve}, limits: {iterations: 3}}\n"
            "  own: {model: offline, prompt: Hi., tools: [refund]}\n",
        },
    )
    assert prompt_of(found, "") == "You serve Ada as support."
    assert prompt_of(found, "acme") == "Acme's Ada."
    assert prompt_of(found, "globex") == "You serve Eve as support."
    assert found.agents["support", "globex"].spec.limits.iterations == 3
    assert found.agents["support", "globex"].spec.model == "offline"
    assert sorted(found.agents) == [("own", "globex"), ("support", ""), ("support", "acme"), ("support", "globex")]


def test_a_tenant_may_have_another_graph_behind_the_same_path(project: Project) -> None:
    graph = "graph = object()\n"
    files = {
        "agents.yaml": "agents: {triage: {kind: graph, graph: 'graphs/t.py:graph'}}\n",
        "graphs/t.py": graph,
        "tenants/acme/graphs/t.py": graph,
    }
    found = loaded(project, files)
    assert found.agents["triage", ""].graph is found.space.load("graphs.t").graph
    assert found.agents["triage", "acme"].graph is found.space.load("tenants.acme.graphs.t").graph
    assert found.agents["triage", "acme"].spec.graph == "tenants/acme/graphs/t.py:graph"


def test_what_the_project_marks_as_sensitive_stays_so_in_a_tenant_s_own_tool(project: Project) -> None:
    found = loaded(
        project,
        {
            "tools.yaml": "tools: {refund: {sensitive: [order_id]}}\n",
            "tenants/acme/tools/own.py": tool("refund", "acme", args="order_id: str, why: str"),
            "tenants/acme/tools.yaml": "tools: {refund: {sensitive: [why]}}\n",
        },
    )
    assert spec_of(found, "refund", "acme").spec.sensitive.args == {"*": True, "order_id": True, "why": True}
    assert found.tools["refund"].spec.sensitive.args == {"*": True, "order_id": True}

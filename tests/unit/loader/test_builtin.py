"""Built-in tools: which releases have them, and which agents see them."""

from typing import Any

import pytest

from tests.unit.loader.projects import Files, Project
from toolcrib.core.decorator import Port
from toolcrib.core.reasons import Reason
from toolcrib.loader.project import LoadedProject

TOOLS = """
from toolcrib.core.decorator import tool
from toolcrib.core.policies import Output

@tool
def report() -> str:
    "Make a report."
    return ""

@tool
def look(fallback: str = "") -> str:
    "Look something up."
    return ""
"""
STORING = TOOLS.replace("@tool", '@tool(output=Output(excess="store"))', 1)
AGENTS = "agents: {a: {model: offline, tools: [report]}, b: {model: offline, tools: [look]}}\n"
STORE = "{output: {excess: store}}"


def loaded(project: Project, files: Files) -> LoadedProject:
    found, reasons = project.load(files)
    assert reasons == ()
    assert found is not None
    return found


def only(project: Project, files: Files) -> Reason:
    found, reasons = project.load(files)
    assert found is None
    (reason,) = reasons
    return reason


def seen(found: LoadedProject, tenant: str = "") -> list[str]:
    """The agents that see the reader, when they work for this tenant."""
    agents = {agent: found.agents.get((agent, tenant), found.agents[agent, ""]) for agent, _ in found.agents}
    return [name for name, agent in agents.items() if "read_artifact" in {tool.name for tool in agent.tools}]


def test_without_a_tool_that_stores_its_output_there_is_no_reader(project: Project) -> None:
    found = loaded(project, {"tools/a.py": TOOLS, "agents.yaml": AGENTS.replace("[look]", '["*"]')})
    assert set(found.tools) == {"report", "look"}
    assert seen(found) == []


def test_a_tool_that_stores_its_output_brings_the_reader_to_every_agent_that_has_the_tool(project: Project) -> None:
    found = loaded(project, {"tools/a.py": STORING, "agents.yaml": AGENTS})
    tools = {name: [tool.name for tool in agent.tools] for (name, _), agent in found.agents.items()}
    assert tools == {"a": ["read_artifact", "report"], "b": ["look"]}
    spec = found.tools["read_artifact"].spec
    assert (spec.kind, spec.file, spec.line, bool(spec.digest)) == ("builtin", "", 0, True)
    assert set(spec.args_schema["properties"]) == {"handle", "offset", "limit", "search"}
    assert found.tools["read_artifact"].needs == {"artifacts": Port("artifacts")}


@pytest.mark.parametrize(
    ("yaml", "agents"),
    [
        (f"tools: {{report: {STORE}}}", ["a"]),
        (f"defaults: {STORE}", ["a", "b"]),
        (f"per_agent: {{a: {{report: {STORE}}}}}", ["a"]),
        (f"per_agent: {{b: {{report: {STORE}}}}}", []),
        (f"tools: {{look: {{fallback: report}}, report: {STORE}}}", ["a", "b"]),
        ("tools: {report: {output: {max_chars: 500}}}", []),
    ],
)
def test_wherever_it_is_said_that_output_is_stored_those_who_may_meet_it_see_the_reader(
    project: Project, yaml: str, agents: list[str]
) -> None:
    found = loaded(project, {"tools/a.py": TOOLS, "tools.yaml": yaml, "agents.yaml": AGENTS})
    assert seen(found) == agents
    assert ("read_artifact" in found.tools) is ("store" in yaml)


@pytest.mark.parametrize("more", ["", "tools: {report: {enabled: false}}\n"])
def test_where_a_tenant_alone_stores_output_it_alone_sees_the_reader(project: Project, more: str) -> None:
    yaml = f"{more}per_tenant: {{acme: {{look: {STORE}}}}}"
    agents = AGENTS.replace("[report]", "[]") if more else AGENTS
    found = loaded(project, {"tools/a.py": TOOLS, "tools.yaml": yaml, "agents.yaml": agents})
    assert (seen(found, "acme"), seen(found), seen(found, "globex")) == (["b"], [], [])
    assert "read_artifact" not in found.tools
    assert "read_artifact" in found.catalogue.seen_by("", "acme")


def test_a_tool_that_is_switched_off_brings_no_reader(project: Project) -> None:
    yaml = "tools: {report: {enabled: false}}"
    assert set(loaded(project, {"tools/a.py": STORING, "tools.yaml": yaml}).tools) == {"look"}


@pytest.mark.parametrize(
    "more",
    [
        {"agents.yaml": "agents: {a: {model: offline, tools: [read_artifact]}}"},
        {"tools.yaml": "tools: {read_artifact: {timeout_s: 5}}"},
    ],
)
def test_whoever_calls_it_by_name_has_it(project: Project, more: dict[str, str]) -> None:
    assert "read_artifact" in loaded(project, {"tools/a.py": TOOLS, **more}).tools


def test_a_pattern_is_no_name(project: Project) -> None:
    agents = 'agents: {a: {model: offline, tools: ["read_*"]}}'
    assert only(project, {"tools/a.py": TOOLS, "agents.yaml": agents}).code == "unknown_tool"


def test_it_can_be_switched_off(project: Project) -> None:
    yaml = "tools: {read_artifact: {enabled: false}}"
    found = loaded(project, {"tools/a.py": STORING, "tools.yaml": yaml, "agents.yaml": AGENTS})
    assert "read_artifact" not in found.tools
    assert seen(found) == []


def test_it_takes_policies_like_any_other_tool(project: Project) -> None:
    yaml = "tools: {read_artifact: {rate_limit: 10/minute}}\nper_agent: {a: {read_artifact: {timeout_s: 5}}}"
    found = loaded(project, {"tools/a.py": STORING, "tools.yaml": yaml, "agents.yaml": AGENTS})
    spec = found.catalogue.seen_by("a", "")["read_artifact"].spec
    assert (spec.policy.rate_limit is not None, spec.policy.timeout_s) == (True, 5)
    assert spec.sources["rate_limit"] == "tools.read_artifact in tools.yaml:1"


def test_the_defaults_of_a_project_change_neither_where_it_runs_nor_what_it_gives(project: Project) -> None:
    yaml = f"defaults: {{isolation: process, {STORE[1:-1]}}}"
    policy = loaded(project, {"tools/a.py": TOOLS, "tools.yaml": yaml}).tools["read_artifact"].spec.policy
    assert policy.isolation == "inline"
    assert policy.output is not None
    assert not policy.stores_output


OWN = '\n\n@tool\ndef read_artifact(page: int) -> str:\n    "Mine."\n    return ""\n'


def test_a_tool_of_the_project_by_its_name_is_an_error_where_output_is_stored(project: Project) -> None:
    reason = only(project, {"tools/a.py": STORING + OWN, "agents.yaml": AGENTS})
    assert (reason.code, reason.place) == ("duplicate_tool", "tools/a.py:16:1")
    assert reason.message == "'read_artifact' is the tool that reads on in the results of report, which are stored"
    assert "Rename" in reason.hint


def test_a_tool_of_the_project_by_its_name_is_meant_where_no_output_is_stored(project: Project) -> None:
    agents = "agents: {a: {model: offline, tools: [read_artifact]}}"
    found = loaded(project, {"tools/a.py": TOOLS + OWN, "agents.yaml": agents})
    assert found.tools["read_artifact"].spec.kind == "python"


@pytest.mark.parametrize(
    ("yaml", "code", "place"),
    [
        ("tools:\n  read_artifact: {isolation: process}", "isolation", "tools.yaml:2:30"),
        ("tools:\n  read_artifact: {output: {excess: store}}", "output", "tools.yaml:2:27"),
        ("per_agent:\n  a:\n    read_artifact: {output: {excess: store}}", "output", "tools.yaml:3:29"),
    ],
)
def test_what_it_cannot_do_is_told_at_the_place_where_it_is_asked(
    project: Project, yaml: str, code: str, place: str
) -> None:
    files: dict[str, Any] = {"tools/a.py": STORING, "tools.yaml": yaml, "agents.yaml": AGENTS}
    reason = only(project, files)
    assert (reason.code, reason.place) == (code, place)
    assert "read_artifact" in reason.message

"""Loading a project: tools, prompts and graphs, or every reason at once and nothing left behind."""

import pytest

from tests.unit.loader.projects import ADD, Files, Project, bundle_of, compile_all, snapshot
from toolcrib.core.redaction import Secrets
from toolcrib.loader.project import LoadPorts, load_project

FAN_OUT = {
    "tools/math.py": ADD,
    "tools/text.py": ADD.replace("add", "join"),
    "prompts/one.md": "You are {agent} with {tools} for {who}.",
    "agents.yaml": """
        agents:
          one:
            model: offline
            prompt: prompts/one.md
            variables: {who: Ada}
            tools: ["*"]
        """,
}


def codes(project: Project, files: Files, *, eager: bool = False) -> list[tuple[str, str, int]]:
    loaded, reasons = project.load(files, eager=eager)
    assert loaded is None
    assert len(project.pool) == 0
    return [(reason.code, reason.file, reason.line) for reason in reasons]


def test_a_project_has_its_tools_prompts_and_agents(project: Project) -> None:
    loaded, reasons = project.load(FAN_OUT)
    assert reasons == ()
    assert loaded is not None
    assert sorted(loaded.tools) == ["add", "join"]
    assert [tool.name for tool in loaded.agents["one", ""].tools] == ["add", "join"]
    assert loaded.agents["one", ""].prompt == "You are one with add, join for Ada."
    assert loaded.prompts == {"prompts/one.md": "You are {agent} with {tools} for {who}."}
    assert loaded.tools["add"].spec.file == "tools/math.py"
    assert loaded.tools["add"].spec.line == 4


def test_of_a_file_that_does_not_load_only_the_cause_is_told(project: Project) -> None:
    needy = """
        from toolcrib import tool
        @tool(fallback="join", side_effect="none")
        def needy(a: int) -> int:
            '''Needs.'''
            return a
        """
    files = {
        **FAN_OUT,
        "tools/needy.py": needy,
        "tools/text.py": "from tools import words\n" + ADD.replace("add", "join"),
        "tools/words.py": "import not_there_at_all",
        "tools.yaml": "tools: {join: {timeout_s: 1}}\nper_tenant: {acme: {join: {timeout_s: 2}, jion: {}}}\n",
        "agents.yaml": "agents:\n  one:\n    prompt: hello\n    tools: [join, 'joi*', jion]\n",
    }
    assert sorted(codes(project, files)) == [
        ("import", "tools/words.py", 1),
        ("unknown_tool", "agents.yaml", 4),
        ("unknown_tool", "tools.yaml", 2),
    ], "and names that stand in no file at all"


def test_all_reasons_of_all_files_come_at_once(project: Project) -> None:
    files = {
        **FAN_OUT,
        "tools/broken.py": "\nimport not_there_at_all",
        "tools/wrong.py": "x = 1\n1 / 0",
        "tools/twice.py": ADD,
        "tools.yaml": "tools:\n  nothing:\n    timeout_s: 1\n",
        "agents.yaml": "agents:\n  one:\n    model: offline\n    prompt: hello\n    tools: [nope]\n",
    }
    before = snapshot(project.pool)
    found = codes(project, files)
    assert sorted(found) == [
        ("duplicate_tool", "tools/twice.py", 4),
        ("import", "tools/broken.py", 2),
        ("import", "tools/wrong.py", 2),
        ("unknown_tool", "agents.yaml", 5),
        ("unknown_tool", "tools.yaml", 2),
    ]
    assert snapshot(project.pool) == before


def test_one_mistake_in_a_shared_module_is_one_reason(project: Project) -> None:
    files = {"tools/a.py": "import shared", "tools/b.py": "import shared", "shared.py": "\n1 / 0"}
    assert codes(project, files) == [("import", "shared.py", 2)]


@pytest.mark.parametrize("end", ["raise SystemExit(0)", "raise KeyboardInterrupt", "raise BaseException('x')"])
def test_whatever_a_module_raises_becomes_a_reason(project: Project, end: str) -> None:
    assert codes(project, {"tools/a.py": f"x = 1\n{end}"}) == [("import", "tools/a.py", 2)]


def test_an_empty_project_is_refused_with_advice(project: Project) -> None:
    loaded, (reason,) = project.load({"helper.py": "x = 1", "tools/_private.py": ADD})
    assert loaded is None
    assert reason.code == "empty_project"
    assert "toolcrib init" in reason.hint


def test_private_files_and_folders_are_searched_for_no_tools(project: Project) -> None:
    files = {"tools/_hidden.py": "1 / 0", "tools/_in/x.py": "1 / 0", "other/tool.py": "1 / 0", "tools/a.py": ADD}
    loaded, reasons = project.load(files)
    assert reasons == ()
    assert loaded is not None
    assert list(loaded.tools) == ["add"]


LAZY = {"tools/a.py": ADD + "\ndef later():\n    import lazy\n"}


def test_a_lazily_imported_module_is_tried_only_by_the_verifier(project: Project) -> None:
    files = {**LAZY, "lazy.py": "\n1 / 0"}
    assert codes(project, files, eager=True) == [("import", "lazy.py", 2)]
    assert project.load(files)[1] == ()


def test_a_lazily_imported_module_may_want_what_is_not_installed(project: Project) -> None:
    assert project.load({**LAZY, "lazy.py": "import not_there_at_all"}, eager=True)[1] == ()
    missing = {**LAZY, "lazy.py": "from tools.a import nothing"}
    project.pool.sweep([])
    assert codes(project, missing, eager=True) == [("import", "lazy.py", 1)]


def test_files_below_an_imported_package_that_nobody_names_are_not_run(project: Project) -> None:
    files = {"tools/a.py": "from lib import inner\nimport lib.x" + ADD, "lib/inner/script.py": "1 / 0", "lib/x.py": ""}
    assert project.load({**files, "lib/run.py": "raise SystemExit"}, eager=True)[1] == ()


def test_the_files_are_announced_before_they_run(project: Project) -> None:
    seen: list[str] = []
    bundle = bundle_of({"tools/a.py": ADD, "tools/b.py": "import not_there_at_all", "lazy.py": ""})
    ports = LoadPorts(root=project.root, pool=project.pool, secrets=Secrets({}), on_module=seen.append)
    load_project(bundle, compile_all(bundle, project.root), ports)
    assert seen == ["tools/a.py", "tools/b.py"]


GRAPH = """
from langgraph.graph import START, MessagesState, StateGraph

graph = StateGraph(MessagesState)
graph.add_node("one", lambda state: {})
graph.add_edge(START, "one")
"""
GRAPH_AGENT = "agents:\n  g:\n    kind: graph\n    graph: ./graphs/g.py:{0}\n"


def test_a_graph_agent_has_the_object_its_spec_names(project: Project) -> None:
    loaded, reasons = project.load({"graphs/g.py": GRAPH, "agents.yaml": GRAPH_AGENT.format("graph")})
    assert reasons == ()
    assert loaded is not None
    assert loaded.agents["g", ""].graph is loaded.space.load("graphs.g").graph


def test_a_graph_that_is_not_there_is_refused_with_near_names(project: Project) -> None:
    loaded, (reason,) = project.load({"graphs/g.py": GRAPH, "agents.yaml": GRAPH_AGENT.format("grph")})
    assert loaded is None
    assert (reason.code, reason.file, reason.line) == ("unknown_graph", "agents.yaml", 4)
    assert "graph" in reason.hint


def test_patterns_choose_tools_and_one_that_matches_nothing_is_a_mistake(project: Project) -> None:
    agents = "agents:\n  one:\n    model: offline\n    prompt: hi\n    tools: ['a*', join]\n"
    loaded, _ = project.load({**FAN_OUT, "agents.yaml": agents})
    assert loaded is not None
    assert [tool.name for tool in loaded.agents["one", ""].tools] == ["add", "join"]
    project.pool.sweep([])
    wrong = agents.replace("join", "'z*'")
    assert codes(project, {**FAN_OUT, "agents.yaml": wrong}) == [("unknown_tool", "agents.yaml", 5)]

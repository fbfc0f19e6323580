"""Finding the tools of a project: each once, at its place, with its effective policy."""

import pytest

from tests.unit.loader.projects import ADD, Files, Project
from toolcrib.core.reasons import Reason
from toolcrib.core.tools import Tool
from toolcrib.loader.discover import is_tool_file


def tools(project: Project, files: Files) -> dict[str, Tool]:
    loaded, reasons = project.load(files)
    assert reasons == ()
    assert loaded is not None
    return dict(loaded.tools)


def reasons(project: Project, files: Files) -> tuple[Reason, ...]:
    loaded, found = project.load(files)
    assert loaded is None
    return found


def test_tool_files_are_below_tools_and_not_private() -> None:
    assert is_tool_file("tools/a.py")
    assert is_tool_file("tools/deep/a.py")
    assert is_tool_file("tools/my-tool.py")
    for path in ("a.py", "other/tools/a.py", "tools/_a.py", "tools/_deep/a.py", "tools/a.txt", "tools/__init__.py"):
        assert not is_tool_file(path), path


def test_several_tools_of_one_file_are_all_found_with_their_lines(project: Project) -> None:
    found = tools(project, {"tools/a.py": ADD + ADD.replace("add", "sum_up")})
    assert {name: (tool.spec.file, tool.spec.line) for name, tool in found.items()} == {
        "add": ("tools/a.py", 4),
        "sum_up": ("tools/a.py", 11),
    }


def test_a_langchain_tool_is_a_tool(project: Project) -> None:
    code = "from langchain_core.tools import tool\n\n@tool\ndef add(a: int) -> int:\n    'Add one.'\n    return a + 1\n"
    found = tools(project, {"tools/a.py": code})
    assert found["add"].spec.line == 3
    assert found["add"].spec.file == "tools/a.py"


def test_an_imported_tool_belongs_to_the_file_that_defines_it(project: Project) -> None:
    found = tools(project, {"tools/a_user.py": "from tools.z import add\nalso = add", "tools/z.py": ADD})
    assert list(found) == ["add"]
    assert found["add"].spec.file == "tools/z.py"


def test_a_tool_of_a_private_module_belongs_to_the_first_file_that_shows_it(project: Project) -> None:
    found = tools(project, {"tools/b.py": "from tools._impl import add", "tools/_impl.py": ADD})
    assert found["add"].spec.file == "tools/b.py"


def test_two_tools_of_one_name_are_a_mistake_that_names_both_files(project: Project) -> None:
    (reason,) = reasons(project, {"tools/a.py": ADD, "tools/b.py": "\n" + ADD})
    assert (reason.code, reason.file, reason.line) == ("duplicate_tool", "tools/b.py", 5)
    assert "tools/a.py:4" in reason.message
    assert reason.source == "@tool"
    assert (reason.column, reason.end_column) == (1, 6)


def test_a_tool_that_cannot_be_offered_is_refused_at_its_line(project: Project) -> None:
    (reason,) = reasons(project, {"tools/a.py": ADD.replace('"""Add two numbers."""', "")})
    assert (reason.code, reason.file, reason.line) == ("tool", "tools/a.py", 4)
    assert "description" in reason.message


def test_an_impossible_policy_of_the_decorator_is_refused_at_its_line(project: Project) -> None:
    (reason,) = reasons(project, {"tools/a.py": ADD.replace("@tool", "@tool(timeout_s=-1)")})
    assert (reason.code, reason.file, reason.line) == ("tool", "tools/a.py", 4)


def test_the_most_specific_word_about_a_policy_wins(project: Project) -> None:
    yaml = "defaults:\n  timeout_s: 5\n  side_effect: read\ntools:\n  add:\n    timeout_s: 7\n"
    code = ADD.replace("@tool", "@tool(timeout_s=6, side_effect='write')")
    other = ADD.replace("add", "plain")
    found = tools(project, {"tools/a.py": code, "tools/b.py": other, "tools.yaml": yaml})
    add, plain = found["add"].spec.policy, found["plain"].spec.policy
    assert (add.timeout_s, add.side_effect) == (7, "write")
    assert (plain.timeout_s, plain.side_effect) == (5, "read")


def test_a_tool_may_be_switched_off_in_yaml(project: Project) -> None:
    files = {"tools/a.py": ADD + ADD.replace("add", "other"), "tools.yaml": "tools:\n  add:\n    enabled: false\n"}
    assert list(tools(project, files)) == ["other"]


def test_an_override_for_no_tool_is_a_mistake_with_a_near_name(project: Project) -> None:
    (reason,) = reasons(project, {"tools/a.py": ADD, "tools.yaml": "tools:\n  ad:\n    timeout_s: 1\n"})
    assert (reason.code, reason.file, reason.line) == ("unknown_tool", "tools.yaml", 2)
    assert "add" in reason.hint


def test_the_digest_of_a_tool_changes_with_all_it_can_reach_and_with_nothing_else(project: Project) -> None:
    files = {"tools/a.py": "import helper" + ADD, "helper.py": "1", "tools/b.py": "x = 1"}

    def digest(changed: Files) -> str:
        return tools(project, {**files, **changed})["add"].spec.digest

    first = digest({})
    assert digest({"tools/b.py": "x = 2"}) == first
    assert digest({"helper.py": "2"}) != first
    assert digest({}) == first


@pytest.mark.parametrize(
    ("imports", "mark", "parameter", "given"),
    [
        ("from langchain_core.runnables import RunnableConfig", "@tool(cache={})", "config: RunnableConfig", "config"),
        ("from langgraph.prebuilt import ToolRuntime", "@tool(cache={})", "runtime: ToolRuntime", "runtime"),
    ],
)
def test_results_that_rest_on_their_caller_cannot_be_kept(
    project: Project, imports: str, mark: str, parameter: str, given: str
) -> None:
    code = f"from toolcrib.core.decorator import tool\n{imports}\n\n{mark}\ndef add(a: int, {parameter}) -> int:\n"
    (reason,) = reasons(project, {"tools/a.py": f"{code}    'Add one.'\n    return a\n"})
    assert (reason.code, reason.place, reason.source) == ("cache", "tools/a.py:4:1", mark)
    assert f"is given {given} of its caller" in reason.message
    assert "tools: {add: {cache: null}}" in reason.hint
    assert "ask for a `ToolContext` only" in reason.hint


def test_a_langchain_tool_is_given_a_config_and_cannot_be_cached_until_that_is_taken_back(project: Project) -> None:
    code = "from langchain_core.tools import tool\n\n@tool\ndef add(a: int) -> int:\n    'Add one.'\n    return a + 1\n"
    cached = {"tools/a.py": code, "tools.yaml": "defaults: {cache: {ttl_s: 5}}\n"}
    (reason,) = reasons(project, cached)
    assert (reason.code, reason.line) == ("cache", 3)
    assert "write it with toolcrib's @tool" in reason.hint
    mended = cached | {"tools.yaml": "defaults: {cache: {ttl_s: 5}}\ntools: {add: {cache: null}}\n"}
    assert tools(project, mended)["add"].spec.policy.cache is None


def test_a_tool_that_asks_for_its_context_can_be_cached(project: Project) -> None:
    code = ADD.replace("@tool", "@tool(cache={'ttl_s': 5})").replace("b: int", "b: int, context: ToolContext")
    found = tools(project, {"tools/a.py": f"from toolcrib.core.calls import ToolContext{code}"})
    assert found["add"].spec.policy.cache is not None


INJECTED = '''
from typing import Annotated, Any
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool as langchain_tool
from langgraph.prebuilt import InjectedState
from toolcrib import ToolContext, tool

@tool{0}
def plain(a: int, context: ToolContext) -> int:
    """Take what can cross."""
    return a

@tool{0}
def stateful(a: int, state: Annotated[dict[str, Any], InjectedState]) -> int:
    """Want the state."""
    return a

@tool{0}
def configured(a: int, config: RunnableConfig) -> int:
    """Want the config."""
    return a

@langchain_tool
def chained(a: int) -> int:
    """Take nothing."""
    return a

@langchain_tool
def chained_state(a: int, state: Annotated[dict[str, Any], InjectedState]) -> int:
    """Want the state."""
    return a
'''


def test_a_tool_cannot_run_in_a_worker_process_and_have_what_lives_in_this_one(project: Project) -> None:
    found = reasons(project, {"tools/a.py": INJECTED.format(""), "tools.yaml": "defaults: {isolation: process}"})
    assert {reason.code for reason in found} == {"isolation"}
    assert [reason.message for reason in found] == [
        "tool 'stateful' has isolation: process and wants state injected",
        "tool 'configured' has isolation: process and wants config injected",
        "tool 'chained_state' has isolation: process and wants state injected",
    ]
    assert [reason.line for reason in found] == [13, 18, 28]
    assert all("ToolContext" in reason.hint for reason in found)
    only = '(isolation="process")'
    assert len(reasons(project, {"tools/a.py": INJECTED.format(only)})) == 2


def test_worker_processes_need_linux(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    (reason,) = reasons(project, {"tools/a.py": ADD.replace("@tool", '@tool(isolation="process")')})
    assert (reason.code, reason.line) == ("isolation", 4)
    assert "needs Linux" in reason.message

"""The difference between two releases in an operator's words."""

from dataclasses import replace
from typing import Any

from toolcrib.core.agents import Agent, AgentSpec
from toolcrib.core.policies import ToolPolicy
from toolcrib.core.releases import Change
from toolcrib.core.tools import ToolSpec
from toolcrib.loader.compat import diff_agents, diff_files, diff_prompts, diff_tools


def tool(**properties: Any) -> ToolSpec:
    schema = {"type": "object", "properties": properties, "required": ["a"]}
    return ToolSpec(name="t", description="d", args_schema=schema, policy=ToolPolicy(), digest="1")


def detail(older: ToolSpec, newer: ToolSpec) -> str:
    (change,) = diff_tools({"t": older}, {"t": newer})
    assert (change.kind, change.name, change.change) == ("tool", "t", "changed")
    return change.detail


def test_what_is_only_on_one_side_was_added_or_removed() -> None:
    one = tool()
    assert diff_tools({"gone": one, "stays": one}, {"stays": one, "new": one, "also": one}) == [
        Change(kind="tool", name="also", change="added"),
        Change(kind="tool", name="new", change="added"),
        Change(kind="tool", name="gone", change="removed"),
    ]


def test_nothing_changed_is_no_difference() -> None:
    assert diff_tools({"t": tool(a={})}, {"t": tool(a={})}) == []
    assert diff_prompts({"p": "x"}, {"p": "x"}) == []
    assert diff_files({"f": b"x"}, {"f": b"x"}) == []


def test_arguments_are_told_one_by_one() -> None:
    older = tool(a={"type": "string"}, b={"type": "string"}, c={})
    newer = replace(tool(a={"type": "integer"}, b={"type": "string"}, d={}))
    newer = replace(newer, args_schema={**newer.args_schema, "required": ["a", "b", "d"]})
    assert detail(older, newer) == "argument d added, argument c removed, argument a changed, argument b now required"


def test_everything_else_about_a_tool_is_told_by_its_name() -> None:
    one = tool(a={})
    assert detail(one, replace(one, description="other")) == "description"
    assert detail(one, replace(one, policy=ToolPolicy(timeout_s=1))) == "policy"
    assert detail(one, replace(one, result_schema={"type": "string"})) == "result"
    assert detail(one, replace(one, digest="2")) == "code"
    assert detail(one, replace(one, digest="2", description="other")) == "description, code"


def agent(prompt: str = "p", **fields: Any) -> Agent:
    spec = AgentSpec.model_validate({"model": "offline", "prompt": "prompts/x.md", **fields})
    return Agent(name="a", spec=spec, prompt=prompt, tools=(), graph=None, release="r")


def test_an_agent_has_changed_in_the_fields_that_differ() -> None:
    (change,) = diff_agents({"a": agent()}, {"a": agent(tools=["x"], model="openai:gpt-5-mini")})
    assert change.kind == "agent"
    assert set(change.detail.split(", ")) == {"tools", "model"}
    (text,) = diff_agents({"a": agent()}, {"a": agent(prompt="other words")})
    assert text.detail == "prompt"
    (both,) = diff_agents({"a": agent()}, {"a": agent(prompt="other", **{"variables": {"x": "1"}})})
    assert set(both.detail.split(", ")) == {"variables", "prompt"}


def test_a_changed_text_is_told_in_lines() -> None:
    (change,) = diff_prompts({"p": "a\nb\nc"}, {"p": "a\nB\nc\nd"})
    assert (change.kind, change.detail) == ("prompt", "+2 -1 lines")


def test_files_that_are_no_text_are_compared_too() -> None:
    (change,) = diff_files({"f.py": b"\xff\n"}, {"f.py": b"x\n"})
    assert (change.kind, change.detail) == ("file", "+1 -1 lines")

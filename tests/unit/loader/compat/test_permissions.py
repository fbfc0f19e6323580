"""Guards that are lowered."""

from typing import Any

import pytest

from tests.unit.loader.compat.shapes import agent, graph, tool, used
from toolcrib.core.compat.shapes import AgentShape, Shape, ToolShape
from toolcrib.loader.compat.permissions import widened


def policed(policy: dict[str, Any], **variants: dict[str, Any]) -> Shape:
    """A release with a tool under this policy; `agent__tenant` is the key of a variant."""
    by_whom = {name.replace("__", "/"): one for name, one in variants.items()}
    return used(t=tool().model_copy(update={"policy": policy, "variants": by_whom}))


def messages(older: Shape, newer: Shape) -> list[str]:
    return [reason.message for reason in widened(older, newer)]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({"scopes": ["a", "b"]}, {"scopes": ["b"]}, ["tool 't' no longer asks for the scope 'a'"]),
        ({"scopes": ["a"]}, {"scopes": ["b"]}, ["tool 't' no longer asks for the scope 'a'"]),
        ({"scopes": ["a"]}, {"scopes": ["a", "b"]}, []),
        ({}, {"scopes": ["a"]}, []),
        (
            {"isolation": "process"},
            {"isolation": "thread"},
            ["tool 't' no longer runs in a process of its own (isolation: thread)"],
        ),
        ({"isolation": "process"}, {}, ["tool 't' no longer runs in a process of its own (isolation: auto)"]),
        ({"isolation": "thread"}, {"isolation": "inline"}, []),
        ({}, {"isolation": "process"}, []),
        ({"timeout_s": 1, "side_effect": "write"}, {"side_effect": "read"}, []),
        ({"approval": {}}, {}, ["tool 't' no longer asks a person for approval"]),
        ({"approval": {}}, {"approval": {"when": "a"}}, ["tool 't' asks a person for approval only when a"]),
        ({"approval": {"when": "a"}}, {"approval": {"description": "Look."}}, []),
        ({}, {"approval": {}}, []),
    ],
)
def test_scopes_processes_and_approval_of_a_tool_are_guards(
    before: dict[str, Any], after: dict[str, Any], said: list[str]
) -> None:
    assert messages(policed(before), policed(after)) == said


def test_a_reason_tells_where_the_tool_is_and_how_to_go_on() -> None:
    (reason,) = widened(policed({"scopes": ["a"]}), policed({}))
    assert (reason.code, reason.file, reason.line) == ("permissions", "tools/t.py", 3)
    assert "toolcrib deploy --accept permissions" in reason.hint


def test_what_all_callers_lose_is_told_once_and_what_one_tenant_loses_for_him() -> None:
    strict, loose = {"scopes": ["a", "b"]}, {"scopes": ["a"]}
    assert messages(policed(strict, __acme=strict), policed(loose, __acme=loose)) == [
        "tool 't' no longer asks for the scope 'b'"
    ]
    assert messages(policed(loose, __acme=strict), policed(loose, __acme=loose)) == [
        "tool 't' no longer asks for the scope 'b' for tenant 'acme'"
    ]


@pytest.mark.parametrize(
    ("older", "newer", "said"),
    [
        (policed({"scopes": ["a"]}), policed({"scopes": ["a"]}, bot__={}), " for agent 'bot'"),
        (policed({}, bot__={"scopes": ["a"]}), policed({}), " for agent 'bot'"),
        (policed({}, bot__acme={"scopes": ["a"]}), policed({}, __acme={}), " for agent 'bot' for tenant 'acme'"),
        (policed({}, __acme={"scopes": ["a"]}), policed({}, bot__acme={}, __acme={"scopes": ["a"]}), "'acme'"),
    ],
)
def test_a_policy_for_some_callers_is_compared_with_what_they_had(older: Shape, newer: Shape, said: str) -> None:
    (message,) = messages(older, newer)
    assert message.startswith("tool 't' no longer asks for the scope 'a'")
    assert message.endswith(said)


def test_an_agent_that_is_gone_loses_no_guard() -> None:
    older = policed({}, bot__={"approval": {}}).model_copy(update={"agents": {"bot": agent()}})
    assert messages(older, policed({})) == []
    assert messages(older, policed({}).model_copy(update={"agents": {"bot": agent()}})) != []


def test_a_tool_that_came_or_went_lowers_no_guard() -> None:
    guarded = policed({"scopes": ["a"], "isolation": "process"})
    assert messages(guarded, Shape()) == messages(Shape(), guarded) == []


def paused(*pauses: str, nodes: str = "start -> pay") -> Shape:
    return Shape(agents={"g": agent(graph=graph(nodes, pauses=pauses))})


def test_a_graph_that_no_longer_stops_before_a_node_asks_nobody() -> None:
    (reason,) = widened(paused("before pay"), paused())
    assert reason.message == "the graph of agent 'g' no longer stops before pay"
    assert reason.file == "graphs/g.py"
    assert messages(paused(), paused("before pay")) == []
    assert messages(paused("before pay"), paused(nodes="start -> other")) == [], "there is nothing to stop before"


WRITES, READS = tool(), tool().model_copy(update={"policy": {"side_effect": "read"}})


def reach(one: AgentShape, **tools: ToolShape) -> Shape:
    return Shape(tools=tools, agents={"bot": one})


def test_a_tool_that_writes_and_comes_by_a_pattern_is_given_by_nobody() -> None:
    narrow = ("billing_*",)
    older = reach(agent("billing_show", patterns=narrow), billing_show=READS)
    newer = reach(agent("billing_show", "billing_void", patterns=narrow), billing_show=READS, billing_void=WRITES)
    (reason,) = widened(older, newer)
    assert reason.message == (
        "agent 'bot' gets 'billing_void' by a pattern, which may change something (side_effect: write)"
    )
    assert "Name it in the agent's `tools`" in reason.hint
    named = newer.agents["bot"].model_copy(update={"patterns": ("billing_*", "billing_void")})
    assert widened(older, Shape(tools=newer.tools, agents={"bot": named})) == ()
    reading = reach(newer.agents["bot"], billing_show=READS, billing_void=READS)
    assert widened(older, reading) == ()
    assert widened(reading, newer), "what it only read with may write now"
    assert widened(newer, newer) == ()


def test_an_agent_that_had_everything_gets_what_comes() -> None:
    older = reach(agent(patterns=("*",)))
    assert widened(older, reach(agent("new", patterns=("*",)), new=WRITES)) == ()
    narrow = reach(agent("a", patterns=("a",)), a=READS, new=WRITES)
    assert len(widened(narrow, reach(agent("a", "new", patterns=("*",)), a=READS, new=WRITES))) == 1


def test_a_new_agent_is_no_wider_than_before() -> None:
    assert widened(Shape(), reach(agent("w", patterns=("w*",)), w=WRITES)) == ()


CARD = {"*": True, "card": True, "amount": False}


def hiding(*arguments: str, **sensitive: Any) -> Shape:
    """A release with a tool that has these arguments, and this of them, and of its result, is sensitive."""
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in arguments}}
    return used(t=tool().model_copy(update={"args_schema": schema, "sensitive": sensitive}))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (hiding("card", "amount", args=CARD), hiding("card", "amount", args=CARD), []),
        (hiding("card", "amount"), hiding("card", "amount", args=CARD), []),
        (hiding("card", args=CARD), hiding("card", args=False), ["tool 't' no longer hides its argument 'card'"]),
        (hiding("card", args=CARD), hiding("card"), ["tool 't' no longer hides its argument 'card'"]),
        (hiding("card", args=CARD), hiding("amount"), []),
        (hiding("card", result=True), hiding("card", result=False), ["tool 't' no longer hides its result"]),
        (
            hiding("card", result={"*": True, "token": True, "paid": False}),
            hiding("card", result={"*": True, "token": False, "other": True}),
            ["tool 't' no longer hides 'token' of its result"],
        ),
        (hiding("card", result={"*": True, "token": True}), hiding("card", result=True), []),
    ],
)
def test_what_a_tool_hides_as_sensitive_is_a_guard(before: Shape, after: Shape, said: list[str]) -> None:
    assert messages(before, after) == said

"""Composing chains: the laws of composition, the order of the links, and no link that a tool does not use."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import Bench, make_release
from toolcrib.core.calls import CallContext, ToolContext
from toolcrib.core.chain import Call, CallNext, Link
from toolcrib.core.policies import Breaker, Cache, Concurrency, Output, Retry
from toolcrib.core.results import ToolResult
from toolcrib.core.tools import Tool
from toolcrib.execution.chain import compose
from toolcrib.execution.policies import deadline
from toolcrib.execution.preset import LINKS
from toolcrib.testing import make_tool

pytestmark = pytest.mark.anyio


async def innermost(call: Call) -> ToolResult:
    return ToolResult(ok=True, value="|")


def marking(mark: str) -> Link:
    """A link that puts its mark before and behind what the rest of the chain said."""

    def wrap(call_next: CallNext) -> CallNext:
        async def link(call: Call) -> ToolResult:
            result = await call_next(call)
            return ToolResult(ok=True, value=f"{mark}{result.value}{mark}")

        return link

    return wrap


def a_call(tool: Tool, **args: Any) -> Call:
    return Call(tool=tool, args=args, id="c-1", context=CallContext(), began=1_000.0)


async def nothing(x: int = 0) -> int:
    return x


TOOL = make_tool(nothing)


def test_composing_nothing_is_the_identity() -> None:
    assert compose([], innermost) is innermost


@given(st.lists(st.sampled_from("abc")), st.lists(st.sampled_from("abc")))
async def test_composing_lists_is_composing_functions(first: list[str], second: list[str]) -> None:
    outer, inner = [marking(mark) for mark in first], [marking(mark) for mark in second]
    whole = await compose([*outer, *inner], innermost)(a_call(TOOL))
    parts = await compose(outer, compose(inner, innermost))(a_call(TOOL))
    assert whole == parts
    assert whole.value == "".join([*first, *second, "|", *reversed(second), *reversed(first)])


def test_the_links_stand_in_the_order_of_the_house() -> None:
    assert [link.__module__.rpartition(".")[2] for link in LINKS] == [
        "observe",
        "observe",
        "fallback",
        "authorise",
        "validate",
        "approval",
        "cache",
        "journal",
        "output",
        "rate_limit",
        "escalate",
        "breaker",
        "admission",
        "concurrency",
        "exclusive",
        "deadline",
        "retry",
        "deadline",
        "redact",
        "resources",
    ]


@pytest.mark.parametrize(
    ("policy", "links"),
    [
        ({}, []),
        ({"timeout_s": None}, []),
        ({"retry": Retry(attempts=1)}, []),
        ({"side_effect": "write"}, ["journaled"]),
        ({"scopes": ("a",)}, ["authorise"]),
        ({"cache": Cache()}, ["cache"]),
        ({"output": Output()}, ["output"]),
        ({"rate_limit": "1/second"}, ["rate_limit"]),
        ({"breaker": Breaker()}, ["breaker"]),
        ({"concurrency": Concurrency(by="tenant"), "exclusive": "printer"}, ["concurrency", "exclusive"]),
        ({"fallback": "other"}, ["fallback"]),
        ({"retry": Retry(), "attempt_timeout_s": 1.0}, ["retry", "bounded"]),
    ],
)
def test_a_chain_holds_only_the_links_its_tool_uses(policy: dict[str, Any], links: list[str]) -> None:
    chain: Any = Bench().chain(make_tool(nothing, **{"side_effect": "read", **policy}))
    found = []
    while "call_next" in chain.__code__.co_freevars:
        found.append(chain.__name__)
        chain = chain.__closure__[chain.__code__.co_freevars.index("call_next")].cell_contents
    always = {"observe", "validate", "deadline"}
    assert always <= set(found)
    assert [link for link in found if link not in always] == links


async def test_a_result_says_which_tool_release_and_call_it_belongs_to() -> None:
    bench = Bench()

    async def slow(x: int) -> int:
        bench.clock.advance(2.5)
        return x

    result = await bench.chain(make_tool(slow))(a_call(make_tool(slow), x=3))
    assert result == ToolResult(
        ok=True, value=3, attempts=1, duration_s=2.5, tool="slow", release="r-test", call_id="c-1"
    )


async def test_a_tool_that_asks_for_its_context_learns_who_calls() -> None:
    async def whoami(context: ToolContext) -> ToolContext:
        return context

    tool = make_tool(whoami, timeout_s=None)
    who = CallContext(tenant="t", agent="a", run_id="run", thread_id="th", deadline=1_007.0, extras={"state": {"n": 1}})
    result = await Bench().chain(tool)(Call(tool=tool, args={}, id="c-9", context=who, began=1_000.0, deadline=1_007.0))
    assert result.value == ToolContext(
        tool="whoami",
        call_id="c-9",
        release="r-test",
        tenant="t",
        agent="a",
        run_id="run",
        thread_id="th",
        timeout_s=7.0,
        extras={"state": {"n": 1}},
    )
    assert result.value.extras == {"state": {"n": 1}}


class NamedRunner:
    """A runner that tells its name instead of running anything."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def run(self, tool: Tool, args: Any, context: ToolContext) -> str:
        return self.name


def plain() -> None: ...


async def coroutine() -> None: ...


@pytest.mark.parametrize(
    ("tool", "where"),
    [
        (make_tool(plain), "threads"),
        (make_tool(plain, isolation="thread"), "threads"),
        (make_tool(plain, isolation="inline"), "inline"),
        (make_tool(coroutine), "inline"),
        (make_tool(coroutine, isolation="inline"), "inline"),
    ],
)
async def test_plain_functions_run_in_threads_unless_they_ask_for_the_loop(tool: Tool, where: str) -> None:
    bench = Bench(inline=NamedRunner("inline"), threads=NamedRunner("threads"))
    assert (await bench.chain(tool)(a_call(tool))).value == where


def test_the_attempts_of_a_tool_in_a_worker_process_are_timed_by_its_runner() -> None:
    ports = Bench().ports
    assert deadline.attempt(make_tool(nothing, attempt_timeout_s=1), make_release(), ports) is not None
    assert deadline.attempt(make_tool(nothing, attempt_timeout_s=1, isolation="process"), make_release(), ports) is None

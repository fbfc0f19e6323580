"""Models over real HTTP: `ChatOpenAI`, as a project's agents.yaml has it, and a peer that answers as scripted."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

import toolcrib
from tests.clients.openai_peer import Hang, Peer, Refuse, Say
from toolcrib.core.errors import InputInvalid
from toolcrib.core.events import Event
from toolcrib.core.results import RunResult
from toolcrib.runtime.build import open_project

pytestmark = pytest.mark.anyio
TOOLS = '''
from toolcrib import tool

@tool(side_effect="none")
def double(number: int) -> int:
    """Double a number."""
    return 2 * number
'''
AGENTS = """
agents:
  chat: {{model: openai:one, model_options: {options}, model_retry: {{attempts: 1}}, prompt: Be brief.}}
  patient: {{model: openai:one, model_options: {options}, model_retry: {{base_s: 0.001}}}}
  tiers:
    model: {{simple: openai:small, medium: openai:one, complex: {{model: openai:big}}, fallback: [openai:spare]}}
    model_options: {options}
    model_retry: {{attempts: 2, base_s: 0.001}}
  quick:
    model: {{medium: openai:one, fallback: [openai:spare]}}
    model_options: {options}
    model_retry: {{attempts: 1}}
    limits: {{model_timeout_s: 0.2}}
  hasty:
    model: {{medium: openai:one, fallback: [openai:spare]}}
    model_options: {options}
    limits: {{iteration_timeout_s: 0.2}}
"""
TWICE = Say(calls=(("double", '{"number": 4}'), ("double", '{"number": 5}')))


@pytest.fixture(scope="module")
async def crib(peer: Peer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[toolcrib.Crib]:
    root = tmp_path_factory.mktemp("models")
    options = f"{{base_url: '{peer.url}', api_key: sk-test}}"
    for name, text in {"tools/numbers.py": TOOLS, "agents.yaml": AGENTS.format(options=options)}.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    async with toolcrib.open(root) as found:
        yield found


async def run(crib: toolcrib.Crib, agent: str, question: str = "Hello?", **more: Any) -> RunResult:
    with anyio.fail_after(10):
        return await crib.run(agent, question, **more)


async def events(crib: toolcrib.Crib, agent: str, question: str = "Hello?") -> list[tuple[str, Any]]:
    with anyio.fail_after(10):
        return [(event.event, event.data) async for event in crib.stream(agent, question)]


def said(seen: list[tuple[str, Any]]) -> str:
    """The text that those who look on have before them at the end."""
    text = ""
    for event, data in seen:
        text = "" if event == "message.discarded" else text + data["text"] if event == "message" else text
    return text


async def test_a_plain_answer_comes_with_its_tokens(crib: toolcrib.Crib, peer: Peer) -> None:
    peer.reset(one=[Say(text="Hello there")])

    result = await run(crib, "chat")

    assert (result.output, result.input_tokens, result.output_tokens) == ("Hello there", 11, 7)
    assert [message["role"] for message in peer.asked[0]["messages"]] == ["system", "user"]
    assert result.trace[0]["model"] == "openai:one"


async def test_parallel_tool_calls_are_made_and_answered_in_their_order(crib: toolcrib.Crib, peer: Peer) -> None:
    peer.reset(one=[TWICE, Say(text="8 and 10")])

    result = await run(crib, "chat")

    assert result.output == "8 and 10"
    assert [(m["tool_call_id"], m["content"]) for m in peer.asked[1]["messages"][-2:]] == [
        ("call_0", "8"),
        ("call_1", "10"),
    ]
    assert (result.input_tokens, result.iterations) == (22, 2)


async def test_a_streamed_answer_comes_in_pieces_and_with_its_tokens(crib: toolcrib.Crib, peer: Peer) -> None:
    peer.reset(one=[TWICE, Say(text="8 and 10")])

    seen = await events(crib, "chat")

    pieces = [data["text"] for event, data in seen if event == "message"]
    assert pieces == ["8 ", "and ", "10 "]
    result = seen[-1][1]
    assert (result["output"], result["input_tokens"], result["output_tokens"]) == ("8 and 10 ", 22, 14)
    assert all(body["stream"] for body in peer.asked)


async def test_too_many_requests_are_waited_for_as_long_as_the_provider_asks(crib: toolcrib.Crib, peer: Peer) -> None:
    peer.reset(one=[Refuse(status=429, headers={"retry-after-ms": "1"}), Refuse(status=429), Say(text="now")])

    result = await run(crib, "patient")

    assert (result.output, result.trace[0]["attempts"]) == ("now", 3)
    assert len(peer.asked) == 3, "only toolcrib retries, not the provider's package too"


async def test_a_model_that_stays_broken_is_left_for_the_next_one(crib: toolcrib.Crib, peer: Peer) -> None:
    peer.reset(one=[Refuse(status=500)], spare=[TWICE, Say(text="8 and 10")])

    result = await run(crib, "tiers", tier="medium")

    assert result.output == "8 and 10"
    assert peer.models() == ["one", "one", "spare", "spare"], "the run stays with it"
    first, last = (step for step in result.trace if step["kind"] == "model")
    assert first["failed"] == [{"model": "openai:one", "attempts": 2, "error": "OpenAIAPIError (500)"}]
    assert (last["model"], last["tier"]) == ("openai:spare", "medium")


@pytest.mark.parametrize(("status", "asked"), [(401, ["one", "spare"]), (404, ["one", "spare"]), (400, ["one"])])
async def test_what_no_retry_helps_against_goes_on_at_once_unless_the_request_is_wrong(
    crib: toolcrib.Crib, peer: Peer, status: int, asked: list[str]
) -> None:
    peer.reset(one=[Refuse(status=status, message="Bad thing")], spare=[Say(text="yes")])

    result = await run(crib, "tiers", tier="medium")

    assert peer.models() == asked
    assert result.success is (len(asked) == 2)
    if result.error:
        assert result.error.code == "model_failed"
        assert "openai:one (asked once): OpenAIInvalidRequestError (400)" in result.error.message
        assert "Bad thing" in result.error.message


@pytest.mark.parametrize("clean", [False, True])
async def test_a_stream_that_breaks_off_is_taken_back_and_answered_by_the_next_model(
    crib: toolcrib.Crib, peer: Peer, clean: bool
) -> None:
    peer.reset(one=[Say(text="The answer is no", cut=3, clean=clean)], spare=[Say(text="It is yes")])

    seen = await events(crib, "quick")

    names = [event for event, _ in seen]
    assert names[1:5] == ["message", "message", "message.discarded", "model.failed"]
    assert seen[3][1] == {"node": "agent", "model": "openai:one"}
    assert (seen[4][1]["model"], seen[4][1]["attempts"]) == ("openai:one", 1)
    assert said(seen) == "It is yes "
    assert seen[-1][1]["output"] == "It is yes "


async def test_a_stream_that_breaks_off_is_asked_for_again(crib: toolcrib.Crib, peer: Peer) -> None:
    peer.reset(one=[Say(text="The answer is no", cut=3), Say(text="It is yes")])

    seen = await events(crib, "patient")

    assert (said(seen), seen[-1][1]["output"], peer.models()) == ("It is yes ", "It is yes ", ["one", "one"])
    assert "model.failed" not in [event for event, _ in seen]


async def test_a_broken_stream_of_a_tool_call_calls_no_tool(crib: toolcrib.Crib, peer: Peer) -> None:
    peer.reset(one=[Say(calls=TWICE.calls, cut=2, clean=True)], spare=[Say(text="none called")])

    seen = await events(crib, "quick")

    assert "tool.started" not in [event for event, _ in seen]
    assert seen[-1][1]["output"] == "none called "


@pytest.mark.parametrize("streaming", [False, True])
async def test_arguments_that_are_no_json_are_corrected_by_the_model(
    crib: toolcrib.Crib, peer: Peer, streaming: bool
) -> None:
    broken = Say(calls=(("double", '{"number": 4'), ("double", '{"number": 5}')))
    unreadable = Say(calls=(("double", "4"),)) if streaming else Say(calls=(("double", "four"),))
    peer.reset(one=[broken, unreadable, Say(calls=(("double", '{"number": 4}'),)), Say(text="8")])

    result = (await events(crib, "chat"))[-1][1] if streaming else (await run(crib, "chat")).to_dict()

    assert result["output"].strip() == "8"
    told = {m["tool_call_id"]: m["content"] for m in peer.asked[1]["messages"] if m["role"] == "tool"}
    assert "are no JSON object: expecting ',' delimiter at line 1, column 13" in told["call_0"]
    assert '"properties"' in told["call_0"]
    assert told["call_1"] == "10"
    codes = [step["error"]["code"] if step["error"] else "ok" for step in result["trace"] if step["kind"] == "tool"]
    assert codes == ["arguments_invalid", "ok", "arguments_invalid", "ok"]


async def test_a_wrong_tool_name_is_answered_with_near_ones(crib: toolcrib.Crib, peer: Peer) -> None:
    peer.reset(one=[Say(calls=(("dubble", "{}"), ("doubel", "{"))), Say(text="sorry")])

    result = await run(crib, "chat")

    assert result.output == "sorry"
    told = [m["content"] for m in peer.asked[1]["messages"] if m["role"] == "tool"]
    assert all("There is no tool named" in text and "double" in text for text in told), told


async def test_a_model_that_hangs_is_left_after_its_own_time(crib: toolcrib.Crib, peer: Peer) -> None:
    peer.reset(one=[Hang()], spare=[Say(text="here")])

    result = await run(crib, "quick")

    assert result.output == "here"
    assert result.trace[0]["failed"] == [{"model": "openai:one", "attempts": 1, "error": "TimeoutError"}]
    with anyio.fail_after(5):
        await peer.gone.wait()


async def test_no_model_gets_more_time_than_the_iteration_has(crib: toolcrib.Crib, peer: Peer) -> None:
    peer.reset(one=[Hang()], spare=[Say(text="never asked")])

    result = await run(crib, "hasty")

    assert result.error
    assert (result.error.code, peer.models()) == ("run_timeout", ["one"])
    assert "did not answer within 0.2 s" in result.error.message


async def test_a_wait_that_the_iteration_has_no_time_for_is_not_waited(crib: toolcrib.Crib, peer: Peer) -> None:
    peer.reset(one=[Refuse(status=503, headers={"retry-after": "30"})], spare=[Say(text="at once")])

    assert (await run(crib, "hasty")).output == "at once"
    assert peer.models() == ["one", "spare"]


async def test_a_cancelled_run_closes_its_connection(crib: toolcrib.Crib, peer: Peer) -> None:
    peer.reset(one=[Hang()])
    task = asyncio.create_task(crib.run("chat", "Hello?"))
    with anyio.fail_after(5):
        await peer.hanging.wait()
        task.cancel()
        await peer.gone.wait()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_tier_comes_from_the_caller_or_from_the_question(crib: toolcrib.Crib, peer: Peer) -> None:
    every = {name: [Say(text=name)] for name in ("small", "one", "big")}
    peer.reset(**every)

    asked = [
        await run(crib, "tiers", "Hello?"),
        await run(crib, "tiers", "x" * 900),
        await run(crib, "tiers", "x" * 2000),
    ]
    told = [await run(crib, "tiers", "Hello?", tier=tier) for tier in ("simple", "medium", "complex")]

    assert [result.output for result in [*asked, *told]] == ["small", "one", "big"] * 2
    assert [result.trace[0]["tier"] for result in told] == ["simple", "medium", "complex"]


async def test_a_tier_that_the_agent_does_not_have_is_refused(crib: toolcrib.Crib) -> None:
    with pytest.raises(InputInvalid, match="has no model for the tier 'simple'") as raised:
        await run(crib, "quick", tier="simple")
    assert raised.value.hint == "It has medium."
    with pytest.raises(InputInvalid) as raised:
        await run(crib, "chat", tier="simple")
    assert "leave `tier` out" in raised.value.hint


async def test_a_new_plan_is_for_new_runs_and_one_in_flight_keeps_its_own(peer: Peer, tmp_path: Path) -> None:
    options = f"model_options: {{base_url: '{peer.url}', api_key: sk-test}}"
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "numbers.py").write_text(TOOLS)
    agents = tmp_path / "agents.yaml"
    agents.write_text(f"agents:\n  a: {{model: openai:one, {options}}}\n")
    gate = asyncio.Event()
    peer.reset(one=[TWICE, Say(text="old", held=gate)], big=[Say(text="new")])
    async with toolcrib.open(tmp_path) as crib:
        before = asyncio.create_task(run(crib, "a"))
        with anyio.fail_after(10):
            await peer.hanging.wait()
            agents.write_text(f"agents:\n  a: {{model: {{complex: openai:big, route: complex}}, {options}}}\n")
            deployed = await crib.deploy()
            after = await run(crib, "a")
            gate.set()
            old = await before
        serving = crib.release.id

    assert deployed.state == "active"
    assert (old.output, [step["model"] for step in old.trace if step["kind"] == "model"]) == ("old", ["openai:one"] * 2)
    assert (after.output, after.trace[0]["model"], after.trace[0]["tier"]) == ("new", "openai:big", "complex")
    assert {old.release, after.release} == {serving, old.release}
    assert old.release != after.release


async def test_graphs_on_loops_that_come_and_go_share_a_model_and_tell_of_it_at_home(
    peer: Peer, tmp_path: Path
) -> None:
    """As another server runs them: each `asyncio.run` is a loop of its own, to which an HTTP client would be bound."""
    heard: list[tuple[str, int]] = []
    options = f"model_options: {{base_url: '{peer.url}', api_key: sk-test}}"
    (tmp_path / "agents.yaml").write_text(
        f"agents:\n  a: {{model: openai:one, model_retry: {{attempts: 1}}, {options}}}\n"
    )
    peer.reset(one=[Say(text="one two")])

    async def elsewhere(graph: Any) -> list[str]:
        given = {"messages": [("user", "Hello?")]}
        pieces = [piece async for piece, _ in graph.astream(given, stream_mode="messages")]
        return [piece.content for piece in pieces if piece.content]

    def hear(event: Event) -> None:
        heard.append((event.name, threading.get_ident()))

    async with open_project(tmp_path, listeners=(hear,)) as crib:
        run = await crib.guests.begin("a", thread_id="t")
        with anyio.fail_after(10):
            told = [await asyncio.to_thread(asyncio.run, elsewhere(run.graph)) for _ in range(3)]
        await crib.guests.end(run)

    assert told == [["one ", "two "]] * 3
    assert [name for name, _ in heard if name == "model.finished"] == ["model.finished"] * 3
    assert {thread for _, thread in heard} == {threading.get_ident()}
    assert run.total()["input_tokens"] == 33

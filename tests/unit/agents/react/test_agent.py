"""The ReAct agent: a model that speaks text acts, is corrected, and answers; its threads are those of any agent."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import anyio
import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from tests.unit.agents.scripted import ScriptedModel, calls, config_for, release_of
from toolcrib import tool
from toolcrib.agents.factory import build_agent, build_shared
from toolcrib.agents.messages import CORRECTION
from toolcrib.agents.models.offer import tool_definition
from toolcrib.agents.offline_router import OfflineRouter, Router
from toolcrib.agents.offline_router.scoring import LexicalScorer
from toolcrib.agents.parts import AgentParts
from toolcrib.agents.react.agent import in_text
from toolcrib.agents.react.pieces import ANSWER_ID, AnswerPieces
from toolcrib.agents.react.speaking import STOP
from toolcrib.agents.running import Turn, take_turn
from toolcrib.agents.scope import SCOPE_KEY
from toolcrib.core.agents import Agent, AgentLimits, AgentSpec
from toolcrib.core.errors import IterationLimit, RunTimeout
from toolcrib.registry.release import Release
from toolcrib.tools.adapt import adapt

pytestmark = pytest.mark.anyio


@tool
async def double(number: int) -> int:
    """Double a number."""
    return 2 * number


@tool
async def search(query: str, limit: int = 3) -> str:
    """Look something up."""
    raise ConnectionError("the index is down")


class TextModel(ScriptedModel):
    """Says the script's texts, cannot call tools, and keeps where it was told to stop."""

    stops: list[Any] = []  # noqa: RUF012 - a field of a pydantic model

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    def _generate(self, messages: list[BaseMessage], stop: list[str] | None = None, *args: Any, **kwargs: Any) -> Any:
        self.stops.append(stop)
        return super()._generate(messages, stop, *args, **kwargs)


def says(*texts: str) -> TextModel:
    return TextModel(script=[AIMessage(text) for text in texts], stops=[])


def parts_of(release: Release, **limits: float) -> AgentParts:
    spec = AgentSpec(kind="react", model="test:text", limits=AgentLimits(**limits))  # type: ignore[arg-type]  # as in YAML
    specs = [each.spec for each in release.tools.values()]
    return AgentParts(name="a", spec=spec, prompt="Be brief.", tools=specs, release=release.id)


def agent_of(release: Release, checkpointer: Any = None, **limits: float) -> Agent:
    return build_agent(parts_of(release, **limits), graph=None, checkpointer=checkpointer)


async def asked(model: Any, release: Release, question: str = "twice 4?", **limits: float) -> list[BaseMessage]:
    with anyio.fail_after(5):
        state = await agent_of(release, **limits).graph.ainvoke(
            {"messages": [HumanMessage(question)]}, config_for(release, model)
        )
    messages: list[BaseMessage] = state["messages"]
    return messages


def told(model: TextModel, turn: int) -> list[tuple[str, str]]:
    return [(message.type, str(message.text)) for message in model.asked[turn]]


async def test_it_acts_on_text_and_answers() -> None:
    release = release_of(adapt(double))
    model = says(
        'Thought: I have to double it.\n**Action:** `double`\n**Action Input:** {"number": 4,}\nObservation: 9',
        "Thought: I know it.\nFinal Answer: It is 8.",
    )
    question, action, result, answer = await asked(model, release)
    assert isinstance(action, AIMessage)
    assert (question.text, action.text, result.text, answer.text) == (
        "twice 4?",
        "I have to double it.",
        "8",
        "It is 8.",
    )
    assert [(one["name"], one["args"]) for one in action.tool_calls] == [("double", {"number": 4})]
    assert isinstance(result, ToolMessage)
    assert result.tool_call_id == action.tool_calls[0]["id"] == "call_1"


async def test_the_model_is_told_of_its_tools_and_results_in_text_alone() -> None:
    release = release_of(adapt(double), adapt(search))
    model = says('Action: double\nAction Input: {"number": 4}', "Final Answer: 8")
    await asked(model, release)
    (_, system), *first = told(model, 0)
    assert system.startswith("Be brief.\n\nYou can use tools.")
    assert '- double: Double a number. Input: {"additionalProperties":false,"properties":{"number":' in system
    assert "- search: Look something up." in system
    assert first == [("human", "twice 4?")]
    assert told(model, 1)[1:] == [
        ("human", "twice 4?"),
        ("ai", 'Action: double\nAction Input: {"number":4}'),
        ("human", "Observation: 8"),
    ]
    assert model.stops == [[STOP], [STOP]]


async def test_several_actions_run_and_each_has_its_observation() -> None:
    release = release_of(adapt(double), adapt(search))
    model = says(
        "Action: double\nAction Input: 1\nAction: search\nAction Input: tides\nAction: double\nAction Input: 3",
        "Final Answer: done",
    )
    await asked(model, release)
    assert told(model, 1)[-1] == (
        "human",
        "Observation: (double) 2\n"
        "Observation: (search) Error: Tool 'search' failed: ConnectionError: the index is down\n"
        "Observation: (double) 6",
    )


async def test_wrong_arguments_are_an_observation_that_says_what_is_wrong() -> None:
    release = release_of(adapt(double))
    model = says('Action: double\nAction Input: {"nummer": 4}', "Final Answer: sorry")
    await asked(model, release)
    observation = told(model, 1)[-1][1]
    assert observation.startswith("Observation: Error: ")
    assert "number" in observation


async def test_what_was_not_understood_is_corrected_and_nothing_runs() -> None:
    release = release_of(adapt(double))
    model = says(
        'Action: double\nAction Input: {"number": 4',
        "Action: dubble\nAction Input: 4",
        "Action: double\nAction Input: 4",
        "Final Answer: 8",
    )
    messages = await asked(model, release)
    assert [message.type for message in messages] == ["human", "ai", "human", "ai", "human", "ai", "tool", "ai"]
    assert (
        "Observation: Your answer was not understood, and nothing was done: the input of 'double'"
        in told(model, 1)[-1][1]
    )
    assert "Did you mean 'double'?" in told(model, 2)[-1][1]
    assert told(model, 1)[-2] == ("ai", 'Action: double\nAction Input: {"number": 4')


async def test_corrections_count_as_iterations() -> None:
    release = release_of(adapt(double))
    model = says("Thought: hm")
    with pytest.raises(IterationLimit, match="asked its model 3 times"):
        await asked(model, release, iterations=3)
    assert len(model.asked) == 3


async def test_a_second_plain_text_is_taken_for_the_answer_but_no_half_action_is() -> None:
    release = release_of(adapt(double))
    messages = await asked(says("Hello!", "Hello, I said."), release)
    assert [str(message.text) for message in messages][-1] == "Hello, I said."
    assert messages[1].additional_kwargs == messages[2].additional_kwargs == {CORRECTION: "plain"}

    messages = await asked(says("Hello!", "Thought: hm", "Hello again!", "Hello!"), release)
    assert len(messages) == 8, "between the two something else was wrong"


async def test_without_tools_any_text_is_the_answer() -> None:
    model = says("Hello!")
    assert (await asked(model, release_of()))[-1].text == "Hello!"
    assert "You can use tools" not in told(model, 0)[0][1]


async def test_a_later_turn_is_told_of_the_former_ones_without_their_mistakes() -> None:
    release = release_of(adapt(double))
    model = says("no label", "Action: double\nAction Input: 4", "Final Answer: 8", "Final Answer: Bye.")
    graph = agent_of(release, InMemorySaver()).graph
    for question in ("twice 4?", "Thanks."):
        with anyio.fail_after(5):
            await graph.ainvoke({"messages": [HumanMessage(question)]}, config_for(release, model))
    assert told(model, 3)[1:] == [
        ("human", "twice 4?"),
        ("ai", 'Action: double\nAction Input: {"number":4}'),
        ("human", "Observation: 8"),
        ("ai", "Final Answer: 8"),
        ("human", "Thanks."),
    ]
    with anyio.fail_after(5):
        again = says("Action: double\nAction Input: 5", "Final Answer: 10")
        state = await graph.ainvoke({"messages": [HumanMessage("twice 5?")]}, config_for(release, again))
    made = [call["id"] for one in state["messages"] if isinstance(one, AIMessage) for call in one.tool_calls]
    assert made == ["call_1", "call_2"], "an id stands for one call of a thread"


async def test_a_thread_may_change_between_kinds_of_agents() -> None:
    release, saver = release_of(adapt(double)), InMemorySaver()
    spoken = says("Thought: once\nAction: double\nAction Input: 4", "Final Answer: 8")
    native = ScriptedModel(script=[calls(("double", {"number": 8})), AIMessage("It is 16.")])
    again = says("Final Answer: Bye.")
    for kind, model in (("react", spoken), ("function_calling", native), ("react", again)):
        parts = parts_of(release)
        parts = AgentParts(
            name="a",
            spec=parts.spec.model_copy(update={"kind": kind}),
            prompt="",
            tools=parts.tools,
            release=release.id,
        )
        graph = build_shared({"": parts}, checkpointer=saver)
        with anyio.fail_after(5):
            await graph.ainvoke({"messages": [HumanMessage(kind)]}, config_for(release, model))
    assert [type(one) for one in native.asked[0]] == [HumanMessage, AIMessage, ToolMessage, AIMessage, HumanMessage]
    assert told(again, 0)[5:] == [
        ("human", "function_calling"),
        ("ai", 'Action: double\nAction Input: {"number":8}'),
        ("human", "Observation: 16"),
        ("ai", "Final Answer: It is 16."),
        ("human", "react"),
    ]


async def test_a_text_that_was_cut_short_by_the_provider_is_not_carried_out() -> None:
    release = release_of(adapt(double))
    model = TextModel(
        script=[
            AIMessage("Action: double\nAction Input: 4", response_metadata={"finish_reason": "length"}),
            AIMessage("Final Answer: sorry"),
        ],
        stops=[],
    )
    messages = await asked(model, release)
    assert [message.type for message in messages] == ["human", "ai", "human", "ai"]
    assert "cut off" in str(messages[2].text)


async def test_a_failed_tool_that_asks_a_person_is_answered_and_goes_on() -> None:
    tried = []

    @tool(on_error={"*": "manual"})
    async def charge(card: str) -> str:
        """Charge a card."""
        tried.append(card)
        raise ConnectionError("bank is down")

    release = release_of(adapt(charge), adapt(double))
    model = says("Action: double\nAction Input: 1\nAction: charge\nAction Input: visa", "Final Answer: paid")
    graph = agent_of(release, InMemorySaver()).graph
    config = config_for(release, model)
    with anyio.fail_after(5):
        state = await graph.ainvoke({"messages": [HumanMessage("pay")]}, config)
        assert state["__interrupt__"][0].value["args"] == {"card": "visa"}
        state = await graph.ainvoke(Command(resume={"result": "in cash"}), config)
    assert state["messages"][-1].text == "paid"
    assert told(model, 1)[-1][1] == "Observation: (double) 2\nObservation: (charge) in cash"
    assert tried == ["visa"]


async def test_a_model_that_hangs_is_stopped_when_the_iterations_time_is_over() -> None:
    class Hanging(TextModel):
        async def _agenerate(self, *args: Any, **kwargs: Any) -> Any:
            await anyio.sleep_forever()

    with pytest.raises(RunTimeout, match="did not answer within"):
        await asked(Hanging(script=[]), release_of(adapt(double)), iteration_timeout_s=0.05)


async def test_models_that_refuse_stop_words_are_given_none() -> None:
    class Reasoning(TextModel):
        model_name: str = "gpt-5-mini"

    model = Reasoning(script=[AIMessage("Final Answer: 1")], stops=[])
    await asked(model, release_of(adapt(double)))
    assert model.stops == [None]


async def test_one_graph_says_to_each_tenant_what_is_its_own() -> None:
    release = release_of(adapt(double))
    own = parts_of(release)
    acme = AgentParts(name="a", spec=own.spec, prompt="For acme.", tools=[], release=release.id)
    graph = build_shared({"": own, "acme": acme}, checkpointer=None)
    model = says("Final Answer: yes")
    for tenant in ("acme", "globex"):
        with anyio.fail_after(5):
            await graph.ainvoke({"messages": [HumanMessage("x")]}, config_for(release, model, tenant=tenant))
    first, second = (str(one[0].text) for one in model.asked)
    assert first.startswith("For acme.")
    assert "double" not in first
    assert second.startswith("Be brief.")
    assert "double" in second


async def streamed(model: Any, release: Release, question: str = "twice 4?") -> tuple[list[str], Any]:
    pieces: list[str] = []

    def notify(event: str, data: Mapping[str, Any]) -> None:
        if event == "message" and data["node"] == "agent":
            pieces.append(data["text"])

    scope = (config_for(release, model, notify=notify)["configurable"])[SCOPE_KEY]
    turn = Turn(question=question, resume=None, thread="t1", streaming=True)
    with anyio.fail_after(5):
        outcome = await take_turn(agent_of(release, InMemorySaver()), turn, scope)
    return pieces, outcome.output


@pytest.mark.parametrize(
    "last",
    [
        "Thought: I know it.\nFinal Answer: It is 8,\n\nthe double of 4:\n- Tool: a calculator\n- 2 * 4\n",
        "Final Answer: It is 8.\nObservation: good\nThought: done",
        "Thought: I know it. Final Answer: It is 8.",
        "<think>\nFinal Answer: 9?\n</think>\n\n**Final Answer:** 8",
        "```\nFinal Answer: 8\n```",
        "Final Answer: A block of code:\n```\nThought: 8\n```\nThat is all.",
        '{"action": "Final Answer", "action_input": "It is 8."}',
        "最终答案：是8。",
    ],
)
async def test_streams_tell_the_final_answer_and_nothing_else(last: str) -> None:
    release = release_of(adapt(double))
    said = [
        "Thought: hm, Final Answer later.\nAction: double\nAction Input: 4\nFinal Answer: It is 9, I am sure.",
        last,
    ]
    pieces, output = await streamed(GenericFakeChatModel(messages=iter([AIMessage(text) for text in said])), release)
    assert "".join(pieces) == output
    assert (await streamed(says(*said), release))[0] == [output], "a model that does not stream is told in one piece"


@pytest.mark.parametrize("size", [1, 3, 50])
@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Thought: a\nFinal Answer: one\n\nInput: two\nThought: three", "one\n\nInput: two"),
        ("**Final Answer:** **Yes**, 2 < 3.", "**Yes**, 2 < 3."),
        ("<think>a\nFinal Answer: no, no, no\n</think>\nFinal Answer: yes, yes, yes", "yes, yes, yes"),
        ("Action: double\nFinal Answer: It is 9, I am sure.", ""),
        ("Final Answer:\n```\nAction: double\n```\nThat is it.", "```\nAction: double\n```\nThat is it."),
    ],
)
def test_pieces_are_cut_at_any_place(text: str, answer: str, size: int) -> None:
    pieces = AnswerPieces()
    chunks = [AIMessageChunk(content=text[at : at + size], id="m-1") for at in range(0, len(text), size)]
    whole = [AIMessage(answer, id=f"{ANSWER_ID}m-1")] if answer else []
    told = [pieces.see((chunk, {"langgraph_node": "agent"})) for chunk in (*chunks, *whole)]
    assert "".join(one["text"] for one in told if one) == answer


async def test_streams_tell_an_answer_as_it_is_written() -> None:
    text = "Thought: x\nFinal Answer: one two three four five"
    pieces, _ = await streamed(GenericFakeChatModel(messages=iter([AIMessage(text)])), release_of(adapt(double)))
    assert len(pieces) > 3


async def test_streams_tell_an_answer_that_had_no_label() -> None:
    pieces, output = await streamed(says("Hello!", "Hello again!"), release_of(adapt(double)))
    assert (pieces, output) == (["Hello again!"], "Hello again!")


async def test_the_offline_model_is_not_told_of_corrections_of_another() -> None:
    model = OfflineRouter(router=Router(scorer=LexicalScorer(), today=lambda: date(2026, 1, 1)))
    asking = in_text(model, (tool_definition(adapt(double).spec),), [])
    wrong = {CORRECTION: "text"}
    before = [HumanMessage("Double the number 21")]
    marked = [AIMessage("hm", additional_kwargs=wrong), HumanMessage("write a tool", additional_kwargs=wrong)]
    assert (await asking.ainvoke([*before, *marked])).text == (await asking.ainvoke(before)).text
    assert (await asking.ainvoke(before)).text == 'Action: double\nAction Input: {"number":21}'


async def test_the_prompt_is_not_part_of_the_state() -> None:
    messages = await asked(says("Final Answer: 8"), release_of(adapt(double)))
    assert not [message for message in messages if isinstance(message, SystemMessage)]

"""Trimming: what of a long thread a model is sent, and that calls and their results are never parted."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.messages.utils import count_tokens_approximately

from toolcrib.agents.bounds.trimming import trimmed
from toolcrib.core.agents import ContextPolicy

SHORT = ContextPolicy(max_tokens=100, tool_result_chars=30)


def asks(*ids: str) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": "t", "args": {}, "id": one} for one in ids])


def answers(call: str, text: str = "r") -> ToolMessage:
    return ToolMessage(text, tool_call_id=call)


@st.composite
def threads(draw: st.DrawFn) -> list[BaseMessage]:
    thread: list[BaseMessage] = []
    for turn in range(draw(st.integers(1, 6))):
        thread.append(HumanMessage("q" * draw(st.integers(1, 200))))
        for step in range(draw(st.integers(0, 3))):
            ids = [f"{turn}-{step}-{number}" for number in range(draw(st.integers(1, 3)))]
            thread += [asks(*ids), *(answers(one, "r" * draw(st.integers(0, 400))) for one in ids)]
        if draw(st.booleans()):
            thread.append(AIMessage("a" * draw(st.integers(1, 200))))
    return thread


@settings(max_examples=200)
@given(thread=threads(), room=st.integers(1, 800))
def test_it_fits_or_only_the_first_message_and_the_present_turn_are_left(thread: list[BaseMessage], room: int) -> None:
    sent = trimmed(thread, SHORT, room=room)
    last = max(index for index, one in enumerate(thread) if isinstance(one, HumanMessage))
    assert sent[-len(thread[last:]) :] == thread[last:], "the present turn is whole"
    assert sent[0] == thread[0]
    assert count_tokens_approximately(sent) <= room or len(sent) <= 1 + len(thread[last:])
    assert [one.id for one in sent] == [one.id for one in thread if one in sent or one.type == "tool"][: len(sent)]


@settings(max_examples=200)
@given(thread=threads(), room=st.integers(1, 800))
def test_a_message_with_calls_and_their_results_go_together(thread: list[BaseMessage], room: int) -> None:
    sent = trimmed(thread, SHORT, room=room)
    asked = [call["id"] for one in sent if isinstance(one, AIMessage) for call in one.tool_calls]
    assert [one.tool_call_id for one in sent if isinstance(one, ToolMessage)] == asked


def test_what_fits_is_sent_as_it_is() -> None:
    thread = [HumanMessage("q"), asks("1"), answers("1", "r" * 300)]
    assert trimmed(thread, SHORT, room=200) == thread


def test_results_of_former_turns_are_shortened_before_anything_is_left_out() -> None:
    thread = [HumanMessage("q"), asks("1"), answers("1", "b" * 500 + "e"), AIMessage("a"), HumanMessage("next")]
    sent = trimmed(thread, SHORT, room=100)
    assert [one.type for one in sent] == [one.type for one in thread]
    text = str(sent[2].content)
    assert text.startswith("b" * 20)
    assert text.endswith("b" * 9 + "e")
    assert "471 characters of this earlier result are left out" in text


@pytest.mark.parametrize("room", [0, -50])
def test_the_present_turn_is_sent_even_where_there_is_no_room(room: int) -> None:
    thread = [HumanMessage("first"), AIMessage("a"), HumanMessage("x" * 5_000)]
    assert trimmed(thread, SHORT, room=room) == [thread[0], thread[2]]

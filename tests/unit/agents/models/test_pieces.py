"""Pieces of an answer: calls are told apart as LangChain tells them, and what breaks off is not called."""

from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, message_chunk_to_message
from langchain_core.messages.tool import ToolCallChunk, tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk

from toolcrib.agents.models.pieces import Pieces


def answer_of(pieces: Sequence[ToolCallChunk]) -> AIMessage:
    """What is made of a stream of these pieces."""
    watch = Pieces()
    whole: Any = AIMessageChunk(content="")
    for piece in pieces:
        chunk = AIMessageChunk(content="", tool_call_chunks=[piece])
        watch.on_llm_new_token("", chunk=ChatGenerationChunk(message=chunk))
        whole += chunk
    said = message_chunk_to_message(whole)
    assert isinstance(said, AIMessage)
    return watch.as_written(said)


def piece(args: str, *, id: str | None = None, index: int | None = 0) -> ToolCallChunk:
    return tool_call_chunk(name="pay" if id else None, args=args, id=id, index=index)


@pytest.mark.parametrize("index", [0, None], ids=["one index for all", "none"])
def test_whole_calls_are_told_apart_by_their_ids(index: int | None) -> None:
    answer = answer_of([piece('{"a": 1}', id="c1", index=index), piece('{"b": 2}', id="c2", index=index)])
    assert [(call["id"], call["args"]) for call in answer.tool_calls] == [("c1", {"a": 1}), ("c2", {"b": 2})]
    assert answer.invalid_tool_calls == []


def test_a_call_that_breaks_off_is_not_made_and_the_one_beside_it_is() -> None:
    first = [piece('{"path": "/home', id="c1"), piece("/ann/o")]
    answer = answer_of([*first, piece('{"a"', id="c2", index=1), piece(": 1}", index=1)])
    assert [call["id"] for call in answer.tool_calls] == ["c2"]
    assert [(call["id"], call["args"]) for call in answer.invalid_tool_calls] == [("c1", '{"path": "/home/ann/o')]

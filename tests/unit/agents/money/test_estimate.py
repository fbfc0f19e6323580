"""Estimates: never below what providers count, within reason; usage as providers tell it."""

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from toolcrib.agents.money.estimate import ANSWER_TOKENS, answer_tokens, prompt_tokens, usage_of
from toolcrib.core.money import ModelPrice, Usage

DEEP: Any = json.loads("[" * 400 + "]" * 400)


@pytest.mark.parametrize(("text", "tokens"), [("order" * 100, 250), ("订单" * 100, 300), ("ö" * 3, 3)])
def test_there_is_a_token_for_every_two_bytes_of_a_text(text: str, tokens: int) -> None:
    assert prompt_tokens([HumanMessage(text)], ()) - prompt_tokens([HumanMessage("")], ()) == tokens


def test_tools_calls_and_images_count() -> None:
    bare = prompt_tokens([HumanMessage("hi")], ())
    assert prompt_tokens([], ()) > 0
    assert prompt_tokens([HumanMessage("hi")], [{"name": "t", "description": "x" * 300}]) > bare + 100
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 1_000_000}}
    assert prompt_tokens([HumanMessage([{"type": "text", "text": "hi"}, image])], ()) < 4_000
    call = {"name": "look_up", "args": {"text": "y" * 300}, "id": "1"}
    assert prompt_tokens([AIMessage("", tool_calls=[call])], ()) > 100


@pytest.mark.parametrize(
    "odd",
    [10**25, "half \ud83d", [10**5000], {"\ud83d": 1}, {1: "x"}, DEEP],
    ids=["long", "half a character", "thousands of digits", "in a key", "a number as key", "deep"],
)
def test_what_json_writers_refuse_counts_too(odd: Any) -> None:
    call = {"name": "look_up", "args": {"text": "y" * 300, "odd": odd}, "id": "1"}
    assert prompt_tokens([AIMessage("", tool_calls=[call])], ()) > 100
    assert prompt_tokens([AIMessage([{"type": "tool_use", "input": {"text": "y" * 300, "odd": odd}}])], ()) > 100


def test_the_longest_answer_is_bound_by_the_options_else_by_the_price_else_assumed() -> None:
    price = ModelPrice(max_output_tokens=700)
    assert answer_tokens({"max_tokens": 50}, price) == 50
    assert answer_tokens({"max_completion_tokens": 60}, price) == 60
    assert answer_tokens({"max_tokens": None}, price) == 700
    assert answer_tokens({}, None) == ANSWER_TOKENS


def test_usage_is_read_whole_and_mended_where_it_contradicts_itself() -> None:
    message = AIMessage(
        "x",
        usage_metadata={
            **{"input_tokens": 100, "output_tokens": 20, "total_tokens": 120},
            "input_token_details": {"cache_read": 70, "cache_creation": 50},
            "output_token_details": {"reasoning": 15},
        },
    )
    assert usage_of(message) == Usage(
        input_tokens=100, output_tokens=20, cached_input_tokens=70, cache_write_tokens=30, reasoning_tokens=15
    )
    assert usage_of(AIMessage("x")) is None

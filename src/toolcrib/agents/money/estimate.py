"""Estimates before a model is asked: how long the prompt is at most, and how long the answer may be.

No tokenizer is asked: each provider has its own, and some are fetched from the network. A token of English is about
four letters long, of dense JSON two and a half, and a Chinese character of three bytes is about one token: a token for
every two bytes of UTF-8 is on the safe side of all three.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from langchain_core.messages import AIMessage, BaseMessage

from toolcrib.agents.state.saving import parts_of, savable
from toolcrib.core.money import Price, Usage

BYTES_A_TOKEN = 2
MESSAGE_TOKENS = 16
"""Of each message and tool, beside its text: role, name, separators."""
MEDIUM_TOKENS = 3_000
"""Of an image; more than providers count for the largest."""
ANSWER_TOKENS = 4_096
"""Of an answer, where neither the agent's `model_options` nor the price say how long it may be."""
_MAXIMA = ("max_tokens", "max_completion_tokens", "max_output_tokens", "num_predict")


def prompt_tokens(messages: Iterable[BaseMessage], definitions: Sequence[Mapping[str, Any]]) -> int:
    """The tokens of a prompt, its tools included; never 0."""
    size = sum(_tokens_of(one) for one in messages)
    return MESSAGE_TOKENS + size + sum(MESSAGE_TOKENS + _tokens(_bytes(one)) for one in definitions)


def answer_tokens(options: Mapping[str, Any], price: Price | None) -> int:
    """The longest answer: as `model_options` bound it, else as the price knows of the model, else `ANSWER_TOKENS`."""
    asked = next((options[name] for name in _MAXIMA if isinstance(options.get(name), int)), 0)
    if asked > 0:
        return int(asked)
    return (price.max_output_tokens if price else None) or ANSWER_TOKENS


def usage_of(message: AIMessage) -> Usage | None:
    """The tokens of an answer as its provider told them; None when it told none."""
    told = message.usage_metadata
    if not told:
        return None
    taken, given = told.get("input_token_details") or {}, told.get("output_token_details") or {}
    inputs, outputs = max(0, told["input_tokens"]), max(0, told["output_tokens"])
    read = min(inputs, taken.get("cache_read") or 0)
    return Usage(
        input_tokens=inputs,
        output_tokens=outputs,
        cached_input_tokens=read,
        cache_write_tokens=min(inputs - read, taken.get("cache_creation") or 0),
        reasoning_tokens=min(outputs, given.get("reasoning") or 0),
    )


def _tokens_of(message: BaseMessage) -> int:
    text = message.content if isinstance(message.content, str) else ""
    size = _tokens(len(text.encode("utf-8", "replace")))
    if not isinstance(message.content, str):
        size = sum(_tokens_of_part(part) for part in message.content)
    if isinstance(message, AIMessage) and message.tool_calls:
        size += _tokens(_bytes(message.tool_calls))
    return MESSAGE_TOKENS + size


def _tokens_of_part(part: Any) -> int:
    if isinstance(part, dict) and "image" in str(part.get("type")):
        return MEDIUM_TOKENS
    return _tokens(_bytes(part))


def _bytes(value: Any) -> int:
    try:
        return len(orjson.dumps(value, default=str))
    except TypeError:  # see `agents.state.saving`
        scalars = (one for _, one in parts_of(value) if not isinstance(one, (dict, list, tuple)))
        return sum(len(str(savable(one)).encode("utf-8", "replace")) + 3 for one in scalars)


def _tokens(size_bytes: int) -> int:
    return math.ceil(size_bytes / BYTES_A_TOKEN)

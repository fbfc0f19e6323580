"""How a model without tool calling is told of tools, calls and results: all as text."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

import orjson
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from toolcrib.agents.messages import is_correction, is_question
from toolcrib.agents.models.offer import Definitions
from toolcrib.agents.react.corrections import ANSWER, FORMAT

STOP = "\nObservation:"
"""Where the model is to stop: what comes then is not for it to write."""
_WITH_TOOLS = f"""\
You can use tools. You have no other way to call them than to write this, and nothing after it:

{FORMAT}

The result is then told to you as `Observation: ...`; never write an observation yourself. You may write several \
actions, each with its input, when none of them needs the result of another.

When you know the answer, or need no tool, write:

{ANSWER}

The tools, each with the JSON schema of its input:
"""
_WITHOUT = f"""\
Write your answer in this form:

{ANSWER}"""


def transcript(messages: Iterable[BaseMessage], definitions: Definitions) -> list[BaseMessage]:
    """A conversation as the model is told of it: calls as actions, results as observations, and how to write them.

    Args:
        messages: the agent's own, those of the prompt included; calls and results as any model gives and takes them.
        definitions: the tools that are offered now.
    """
    messages = list(messages)
    prompt = [str(message.text) for message in messages if isinstance(message, SystemMessage)]
    told: list[BaseMessage] = [SystemMessage("\n\n".join([*prompt, instructions(definitions)]))]
    rest = (one for one in _without_old_corrections(messages) if not isinstance(one, SystemMessage))
    for are_results, some in groupby(rest, lambda one: isinstance(one, ToolMessage)):
        if are_results:
            results = [one for one in some if isinstance(one, ToolMessage)]
            told.append(HumanMessage("\n".join(_observation(one, named=len(results) > 1) for one in results)))
        else:
            told += map(_told, some)
    return told


def instructions(definitions: Definitions) -> str:
    """The format, and the tools."""
    tools = [_tool(one["function"]) for one in definitions]
    return _WITH_TOOLS + "\n".join(tools) if tools else _WITHOUT


def said(message: AIMessage) -> str:
    """A model's message as ReAct text."""
    text = str(message.text).strip()
    if is_correction(message):
        return text
    if not message.tool_calls:
        return f"Final Answer: {text}"
    lines = [f"Thought: {text}"] if text else []
    for call in message.tool_calls:
        lines += [f"Action: {call['name']}", f"Action Input: {_json(call['args'])}"]
    return "\n".join(lines)


def _without_old_corrections(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Without what was not understood in former turns: a model writes what it reads."""
    asked = [at for at, one in enumerate(messages) if is_question(one)]
    last = asked[-1] if asked else 0
    return [one for at, one in enumerate(messages) if at > last or not is_correction(one)]


def _told(message: BaseMessage) -> BaseMessage:
    if isinstance(message, AIMessage):
        return AIMessage(said(message))
    return HumanMessage(f"Observation: {message.text}") if is_correction(message) else message


def _observation(result: ToolMessage, *, named: bool) -> str:
    failed = "Error: " if result.status == "error" else ""
    of = f"({result.name}) " if named else ""
    return f"Observation: {of}{failed}{result.text}"


def _tool(function: dict[str, Any]) -> str:
    description = " ".join(function["description"].split())
    return f"- {function['name']}: {description} Input: {_json(function['parameters'])}"


def _json(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()

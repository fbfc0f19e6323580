"""The ReAct agent: the loop of the function-calling agent, with a model that is asked in text."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, assert_never

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.messages.tool import tool_call
from langchain_core.runnables import RunnableLambda

from toolcrib.agents.function_calling import build_loop
from toolcrib.agents.messages import CORRECTION, is_correction
from toolcrib.agents.models.offer import Asking, Definitions
from toolcrib.agents.offline_router import OfflineRouter
from toolcrib.agents.parts import AgentParts
from toolcrib.agents.react.parser import parse
from toolcrib.agents.react.pieces import ANSWER_ID
from toolcrib.agents.react.speaking import STOP, said, transcript
from toolcrib.agents.react.steps import Actions, Final, Malformed
from toolcrib.agents.voices import Voices
from toolcrib.core.experiments.arms import Arm

_CUT_SHORT = frozenset({"length", "max_tokens", "max_output_tokens"})
_NO_STOP = re.compile(r"(?:\A|[/:])(?:o\d|gpt-5|grok-[34])")
"""Models that refuse to be told where to stop."""
_WHY = ("finish_reason", "stop_reason", "done_reason")
"""Where providers say why a model stopped."""


def build_react(parts: Mapping[str | Arm, AgentParts], *, checkpointer: Any) -> Any:
    """The compiled graph of an agent whose model is told of tools in its prompt and calls them in its text.

    What is saved is what a function-calling agent saves, so that an agent may change its kind: a thought is a message's
    text, an action is a tool call, and the final answer is a message without one.

    Args:
        parts: tenant, empty for all others, or a variant of an experiment -> what the agent is made of for it; one
            graph serves them all.
        checkpointer: where threads live.
    """
    return build_loop(Voices(parts, bind=in_text), read=understood, checkpointer=checkpointer)


def in_text(model: BaseChatModel, definitions: Definitions, stop: Sequence[str]) -> Asking:
    """The model, told of the tools in text; it is given messages as any agent has them.

    The offline router has its tools as they are, because it reads no prompt, and answers in text like the others.
    """
    if isinstance(model, OfflineRouter):
        bound = model.bind_tools(list(definitions))
        assert isinstance(bound, OfflineRouter)
        return _given(_without_corrections, bound.model_copy(update={"speak": said}))
    words = [*stop, STOP]
    asked = model if _NO_STOP.search(_name(model)) else model.bind(stop=words)
    return _given(lambda messages: transcript(messages, definitions), asked)


def understood(parts: AgentParts, before: Sequence[BaseMessage], answer: AIMessage) -> Sequence[BaseMessage]:
    """What is made of a model's answer: its tool calls, its final answer, or what it is told instead.

    Text without any label is taken for the answer when there are no tools, or when the model was told before.
    """
    schemas = {tool.name: tool.args_schema for tool in parts.tools}
    step = parse(str(answer.text), schemas, cut_short=_is_cut_short(answer))
    match step:
        case Actions(actions=actions, thought=thought):
            made = sum(len(one.tool_calls) for one in before if isinstance(one, AIMessage))
            calls = [
                tool_call(name=one.tool, args=dict(one.args), id=f"call_{made + number}")
                for number, one in enumerate(actions, 1)
            ]
            return [answer.model_copy(update={"content": thought, "tool_calls": calls, "invalid_tool_calls": []})]
        case Final(text=text):
            return [_final(answer, text)]
        case Malformed(plain=True) if not schemas or _was_told(before):
            return [_final(answer, str(answer.text).strip())]
        case Malformed(observation=observation, plain=plain):
            mark = {CORRECTION: "plain" if plain else "text"}
            kept = {**answer.additional_kwargs, **mark}
            said_so = HumanMessage(observation, additional_kwargs=mark)
            return [
                answer.model_copy(update={"additional_kwargs": kept, "tool_calls": [], "invalid_tool_calls": []}),
                said_so,
            ]
        case _:
            assert_never(step)


def _final(answer: AIMessage, text: str) -> AIMessage:
    """The answer for the user; a message of its own, because it is only a part of what the model wrote."""
    return answer.model_copy(
        update={"content": text, "tool_calls": [], "invalid_tool_calls": [], "id": f"{ANSWER_ID}{answer.id}"}
    )


def _was_told(before: Sequence[BaseMessage]) -> bool:
    return bool(before) and before[-1].additional_kwargs.get(CORRECTION) == "plain"


def _is_cut_short(answer: AIMessage) -> bool:
    said_why = (str(answer.response_metadata.get(key, "")).lower() for key in _WHY)
    return any(why in _CUT_SHORT for why in said_why)


def _without_corrections(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    return [one for one in messages if not is_correction(one)]


def _given(told: Callable[[Sequence[BaseMessage]], Sequence[BaseMessage]], model: Asking) -> Asking:
    """The model, given the messages as `told` makes them."""

    async def given(messages: LanguageModelInput) -> LanguageModelInput:
        assert isinstance(messages, list)
        return list(told(messages))

    return RunnableLambda(given) | model


def _name(model: BaseChatModel) -> str:
    """What the provider calls the model, as far as its package says."""
    return str(getattr(model, "model_name", None) or getattr(model, "model", ""))

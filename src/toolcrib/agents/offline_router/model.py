"""The offline router where LangGraph expects a chat model."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call, tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict

from toolcrib.agents.offline_router.router import Router
from toolcrib.agents.offline_router.turns import Decision, PlannedCall, Turn
from toolcrib.agents.offline_router.values import OfferedTool

_CHARS_PER_TOKEN = 4


class OfflineRouter(BaseChatModel):
    """Fixed rules with the face of a chat model: it calls tools and words their results, and knows nothing else.

    Attributes:
        router: decides; see `Router`.
        offered: the tools it may call.
        speak: makes text of a message with calls, for agents whose models cannot call tools; None to call them.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    router: Router
    offered: tuple[OfferedTool, ...] = ()
    speak: Callable[[AIMessage], str] | None = None

    @property
    def _llm_type(self) -> str:
        return "offline-router"

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """The router with these tools; examples are read from `function["x-examples"]`."""
        return self.model_copy(update={"offered": tuple(_offered(tool) for tool in tools)})

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        decision = self.router.decide(turns_of(messages), self.offered)
        message = _message(decision, messages)
        if self.speak:
            message = message.model_copy(update={"content": self.speak(message), "tool_calls": []})
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return await asyncio.to_thread(self._generate, messages)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        message = self._generate(messages).generations[0].message
        assert isinstance(message, AIMessage)
        for chunk in _chunks(message):
            if run_manager:
                run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        message = (await self._agenerate(messages)).generations[0].message
        assert isinstance(message, AIMessage)
        for chunk in _chunks(message):
            if run_manager:
                await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk


def turns_of(messages: Sequence[BaseMessage]) -> list[Turn]:
    """The conversation as the router reads it."""
    turns = []
    for message in messages:
        text = str(message.text)
        match message:
            case ToolMessage():
                turns.append(Turn(role="tool", text=text, tool=message.name or "", failed=message.status == "error"))
            case AIMessage():
                calls = tuple(PlannedCall(name=call["name"], args=call["args"]) for call in message.tool_calls)
                turns.append(Turn(role="assistant", text=text, calls=calls))
            case _:
                turns.append(Turn(role="system" if message.type == "system" else "user", text=text))
    return turns


def _offered(tool: dict[str, Any] | type | Callable[..., Any] | BaseTool) -> OfferedTool:
    function = (tool if isinstance(tool, dict) and "function" in tool else convert_to_openai_tool(tool))["function"]
    return OfferedTool(
        name=function["name"],
        description=function.get("description", ""),
        parameters=function.get("parameters") or {},
        examples=tuple(function.get("x-examples", ())),
    )


def _message(decision: Decision, messages: Sequence[BaseMessage]) -> AIMessage:
    """The decision as a message; ids of its calls are unique in the conversation, and the same each time."""
    before = sum(len(message.tool_calls) for message in messages if isinstance(message, AIMessage))
    calls = [
        tool_call(name=call.name, args=dict(call.args), id=f"call_{before + number}")
        for number, call in enumerate(decision.calls, 1)
    ]
    asked = sum(len(str(message.text)) for message in messages)
    said = len(decision.text) + sum(len(json.dumps(dict(call.args), default=str)) for call in decision.calls)
    usage = UsageMetadata(
        input_tokens=asked // _CHARS_PER_TOKEN,
        output_tokens=said // _CHARS_PER_TOKEN,
        total_tokens=asked // _CHARS_PER_TOKEN + said // _CHARS_PER_TOKEN,
    )
    return AIMessage(
        content=decision.text, tool_calls=calls, usage_metadata=usage, response_metadata={"model_name": "offline"}
    )


def _chunks(message: AIMessage) -> Iterator[ChatGenerationChunk]:
    """The text word by word, then calls and usage in one piece."""
    text = str(message.text)
    words = text.split(" ")
    for number, word in enumerate(words if text else []):
        piece = word if number == len(words) - 1 else f"{word} "
        yield ChatGenerationChunk(message=AIMessageChunk(content=piece))
    calls = [
        tool_call_chunk(name=call["name"], args=json.dumps(call["args"], default=str), id=call["id"], index=number)
        for number, call in enumerate(message.tool_calls)
    ]
    last = AIMessageChunk(
        content="",
        tool_call_chunks=calls,
        usage_metadata=message.usage_metadata,
        response_metadata=message.response_metadata,
    )
    yield ChatGenerationChunk(message=last)

"""Pieces of an answer as they come: whether there were any, taking them back, and whether they are whole."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler, BaseCallbackManager
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.tool import ToolCallChunk, invalid_tool_call
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.runnables import Runnable, RunnableBinding, RunnableConfig
from langchain_core.runnables.config import merge_configs
from langgraph.config import get_stream_writer

_SPOKEN = "openai"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event of a run that goes the same way as the pieces of its answers, so that it comes behind them."""

    event: str
    data: Mapping[str, Any]


def tell(event: str, data: Mapping[str, Any]) -> None:
    """Tell those who look on at the run, if anybody does; only in a node of its graph."""
    get_stream_writer()(Told(event=event, data=data))


class Pieces(BaseCallbackHandler):
    """Watches the pieces of one attempt.

    Attributes:
        seen: how many came, of any kind.
        told: whether any of them had text, which those who look on have read.
    """

    run_inline = True

    def __init__(self) -> None:
        self._node = ""
        self._written: list[dict[str, Any]] = []
        self.seen = 0
        self.told = False

    def listening(self, config: RunnableConfig, asking: Runnable[Any, Any]) -> RunnableConfig:
        """The config of a call whose pieces are watched; as it is where there will be none, for watching takes time."""
        if not _is_heard(config) and not _streams(asking):
            return config
        self._node = str((config.get("metadata") or {}).get("langgraph_node", ""))
        return merge_configs(config, {"callbacks": [self]})

    def on_llm_new_token(self, token: str | list[str | dict[str, Any]], **kwargs: Any) -> None:
        """One more."""
        self.seen += 1
        chunk = kwargs.get("chunk")
        message = chunk.message if isinstance(chunk, ChatGenerationChunk) else None
        self.told = self.told or bool(message.text if message else token)
        for part in message.tool_call_chunks if isinstance(message, AIMessageChunk) else ():
            call = next((one for one in self._written if _goes_on(one, part)), None)
            if call is None:
                call = {"index": part["index"], "id": "", "args": ""}
                self._written.append(call)
            call["id"] = call["id"] or part["id"] or ""
            call["args"] += part["args"] or ""

    def take_back(self, model: str) -> None:
        """Tell those who look on that the pieces are void."""
        if self.told:
            tell("message.discarded", {"node": self._node, "model": model})

    def broke_off(self, answer: AIMessage) -> bool:
        """Whether the stream ended without saying why the model stopped: its connection was closed in the middle.

        Only OpenAI's protocol is known to say it always, and its client takes such an end for a good one.
        """
        said = answer.response_metadata
        return self.seen > 0 and said.get("model_provider") == _SPOKEN and not {"finish_reason", "status"} & said.keys()

    def as_written(self, answer: AIMessage) -> AIMessage:
        """The answer without arguments that its model did not write to their end.

        LangChain completes streamed arguments that break off (`parse_partial_json`): a path cut in half would be used.
        """
        written = {call["id"]: call["args"] for call in self._written}
        broken = [call for call in answer.tool_calls if _is_broken(written.get(call["id"] or "", ""))]
        if not broken:
            return answer
        invalid = [
            invalid_tool_call(name=call["name"], args=written[call["id"] or ""], id=call["id"], error=None)
            for call in broken
        ]
        calls = [call for call in answer.tool_calls if call not in broken]
        update = {"tool_calls": calls, "invalid_tool_calls": [*answer.invalid_tool_calls, *invalid]}
        return answer.model_copy(update=update)


def _is_heard(config: RunnableConfig) -> bool:
    """Whether anybody hears of what happens in the call, and so may ask for pieces."""
    callbacks = config.get("callbacks")
    return bool(callbacks.handlers if isinstance(callbacks, BaseCallbackManager) else callbacks)


def _streams(asking: Runnable[Any, Any]) -> bool:
    """Whether a model answers in pieces although nobody asks; True for what is not known."""
    while isinstance(asking, RunnableBinding):
        if asking.kwargs.get("stream"):
            return True
        asking = asking.bound
    return not isinstance(asking, BaseChatModel) or bool(getattr(asking, "streaming", False))


def _goes_on(call: Mapping[str, Any], part: ToolCallChunk) -> bool:
    """Whether the piece belongs to the call, as LangChain puts pieces together (`merge_lists`).

    Some providers write one index for all calls of an answer, which only their ids tell apart then.
    """
    before, now = call["id"], part["id"] or ""
    fits = before == now if part["index"] is None else not before or now in ("", before)
    return fits and bool(call["index"] == part["index"])


def _is_broken(args: str) -> bool:
    try:
        return bool(args.strip()) and not isinstance(json.loads(args, strict=False), dict)
    except (ValueError, RecursionError):
        return True

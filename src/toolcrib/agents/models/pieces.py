"""Pieces of an answer as they come: whether there were any, taking them back, and whether they came to their end."""

from dataclasses import dataclass
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import merge_configs
from langgraph.config import get_stream_writer

_SPOKEN = "openai"


@dataclass(frozen=True, slots=True, kw_only=True)
class Discarded:
    """The pieces of text that a node told of its model's present answer are void; goes the same way as they went.

    Attributes:
        node: name of the node.
        model: name of the model that broke off.
    """

    node: str
    model: str


class Pieces(BaseCallbackHandler):
    """Counts the pieces of one attempt.

    Attributes:
        seen: how many came, of any kind.
        told: whether any of them had text, which those who look on have read.
    """

    run_inline = True

    def __init__(self) -> None:
        self._node = ""
        self.seen = 0
        self.told = False

    def listening(self, config: RunnableConfig) -> RunnableConfig:
        """The config of a call whose pieces are counted."""
        self._node = str((config.get("metadata") or {}).get("langgraph_node", ""))
        return merge_configs(config, {"callbacks": [self]})

    def on_llm_new_token(self, token: str | list[str | dict[str, Any]], **kwargs: Any) -> None:
        """One more."""
        chunk = kwargs.get("chunk")
        self.seen += 1
        self.told = self.told or bool(token or (isinstance(chunk, ChatGenerationChunk) and chunk.message.text))

    def take_back(self, model: str) -> None:
        """Tell those who look on, behind the pieces themselves, that they are void."""
        if self.told:
            get_stream_writer()(Discarded(node=self._node, model=model))

    def broke_off(self, answer: AIMessage) -> bool:
        """Whether the stream ended without saying why the model stopped: its connection was closed in the middle.

        Only OpenAI's protocol is known to say it always, and its client takes such an end for a good one.
        """
        said = answer.response_metadata
        return self.seen > 0 and said.get("model_provider") == _SPOKEN and not {"finish_reason", "status"} & said.keys()

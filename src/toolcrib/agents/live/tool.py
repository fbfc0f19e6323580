"""`LiveTool`: a live tool where LangGraph and LangChain want a `BaseTool`."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from langchain_core.callbacks import BaseCallbackManager
from langchain_core.messages import ToolCall as MessageCall
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from pydantic import BaseModel, PrivateAttr

from toolcrib.agents.live.answers import Answer
from toolcrib.core.tools import ToolSpec
from toolcrib.execution.loops import Loop, from_thread

Call = Callable[[MessageCall], Awaitable[Answer]]


class _Nothing(BaseModel):
    """What LangGraph is to inject: nothing, the tool's own release does."""


class LiveTool(BaseTool):
    """One live tool, for one call or one request of a model.

    LangChain's callbacks hear of its calls, where there are any, with arguments as people may see them.

    Args:
        spec: the tool.
        call: answers a tool call.
        loop: the event loop of the project, for callers that block.
        shown: the arguments as people may see them.
    """

    _call: Call = PrivateAttr()
    _loop: Loop | None = PrivateAttr()
    _shown: Callable[[MessageCall], dict[str, Any]] = PrivateAttr()
    _tells: bool = PrivateAttr()
    _asked: MessageCall | None = PrivateAttr(default=None)

    def __init__(
        self, spec: ToolSpec, call: Call, *, loop: Loop | None, shown: Callable[[MessageCall], dict[str, Any]]
    ) -> None:
        super().__init__(name=spec.name, description=spec.description, args_schema=dict(spec.args_schema))
        self._call = call
        self._loop = loop
        self._shown = shown
        self._tells = spec.kind != "langchain"  # those tell of themselves

    def get_input_schema(self, config: RunnableConfig | None = None) -> type[BaseModel]:
        """Nothing that LangGraph would have to fill in."""
        return _Nothing

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Answer a tool call; a mapping of arguments is one without an id."""
        call = _as_call(self.name, input)
        if not (self._tells and is_heard(config)):
            return await self._call(call)
        return await BaseTool.ainvoke(self._holding(call), self._told(call), config, **kwargs)

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """The same, blocking until the project's event loop has answered."""
        call = _as_call(self.name, input)
        if not (self._tells and is_heard(config)):
            return from_thread(self._loop, partial(self._answered, call))
        return BaseTool.invoke(self._holding(call), self._told(call), config, **kwargs)

    async def _arun(self, *args: Any, **kwargs: Any) -> Any:
        assert self._asked is not None, "called by `ainvoke` only"
        return await self._call(self._asked)

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        assert self._asked is not None, "called by `invoke` only"
        return from_thread(self._loop, partial(self._answered, self._asked))

    async def _answered(self, call: MessageCall) -> Answer:
        return await self._call(call)

    def _holding(self, call: MessageCall) -> "LiveTool":
        held = self.model_copy()
        held._asked = call
        return held

    def _told(self, call: MessageCall) -> MessageCall:
        return MessageCall(name=self.name, args=self._shown(call), id=call["id"], type="tool_call")


def _as_call(name: str, given: Any) -> MessageCall:
    if isinstance(given, dict) and given.get("type") == "tool_call" and "args" in given:
        return MessageCall(name=name, args=given["args"], id=given.get("id"), type="tool_call")
    args = given if isinstance(given, dict) else {"input": given}
    return MessageCall(name=name, args=args, id=None, type="tool_call")


def is_heard(config: RunnableConfig | None) -> bool:
    """Whether anybody listens; LangChain's way of telling them costs more than most calls."""
    callbacks = (config or {}).get("callbacks")
    handlers = callbacks.handlers if isinstance(callbacks, BaseCallbackManager) else callbacks or ()
    return any(not (one.ignore_agent and one.ignore_chain) for one in handlers)

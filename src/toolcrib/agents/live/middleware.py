"""`LiveToolsMiddleware`: live tools for LangChain's `create_agent`, offered to its model and run, from one release."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from langchain.agents.middleware.types import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.runnables import ensure_config
from langchain_core.tools import BaseTool
from langgraph.prebuilt.tool_node import INVALID_TOOL_NAME_ERROR_TEMPLATE, ToolCallRequest
from langgraph.types import Command

from toolcrib.agents.live.calls import LiveTools, Place
from toolcrib.agents.scope import RunScope, ScopeSource
from toolcrib.core.errors import ToolcribError

Offer = ModelRequest[Any]
STAMP = "toolcrib_release"
"""Key in the `response_metadata` of a model's messages: digest of the release whose tools it was offered."""
Answered = ToolMessage | Command[Any]


class LiveToolsMiddleware(AgentMiddleware[Any, Any, Any]):
    """Offers live tools beside the agent's own, and runs those that the model calls.

    All model and tool calls of one turn of the agent go to one release, also when it waits for a person in between; the
    next turn takes the one that serves then. Which one it is stands in the model's messages, as `STAMP`. A tool that
    the agent was made with goes before a live one of its name. What is not worth calling now, because its breaker is
    open, is not offered.

    Args:
        tools: names or patterns of the live tools.
        source: where the release of a run comes from.
    """

    def __init__(self, tools: Sequence[str], *, source: ScopeSource) -> None:
        if isinstance(tools, str):
            raise ToolcribError(
                f"`tools` of the middleware is a list, not the text {tools!r}.", hint=f"Give [{tools!r}]."
            )
        super().__init__()
        self.tools = []
        self._patterns = tuple(tools)
        self._live = LiveTools(self._patterns, source=source)

    @property
    def name(self) -> str:
        """Tells it from others beside it: an agent must not have two of one name."""
        return f"toolcrib[{','.join(self._patterns)}]"

    def wrap_model_call(self, request: Offer, handler: Callable[[Offer], ModelResponse[Any]]) -> ModelResponse[Any]:
        """Offer the live tools."""
        scope = self._live.scope_in_thread(ensure_config(), at=_began_at(request.state))
        return _stamped(handler(self._offering(request, scope)), scope)

    async def awrap_model_call(
        self, request: Offer, handler: Callable[[Offer], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        """Offer the live tools."""
        scope = await self._live.scope(ensure_config(), at=_began_at(request.state))
        return _stamped(await handler(self._offering(request, scope)), scope)

    def wrap_tool_call(self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Answered]) -> Answered:
        """Run a live tool; everything else goes on to whoever has it."""
        if request.tool is not None:
            return handler(request)
        scope = self._live.scope_in_thread(request.runtime.config, at=_began_at(request.state))
        return self._told(request, scope, handler(self._found(request, scope)))

    async def awrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Awaitable[Answered]]
    ) -> Answered:
        """Run a live tool; everything else goes on to whoever has it."""
        if request.tool is not None:
            return await handler(request)
        scope = await self._live.scope(request.runtime.config, at=_began_at(request.state))
        return self._told(request, scope, await handler(self._found(request, scope)))

    def _offering(self, request: Offer, scope: RunScope) -> Offer:
        taken = {_name(tool) for tool in request.tools}
        nowhere = Place(config={}, state={})
        offered = [spec.name for spec in self._live.offered(scope) if spec.name not in taken]
        return request.override(tools=[*request.tools, *(self._live.tool(name, scope, nowhere) for name in offered)])

    def _found(self, request: ToolCallRequest, scope: RunScope) -> ToolCallRequest:
        name, runtime = request.tool_call["name"], request.runtime
        if not self._live.allows(scope, name):
            return request
        place = Place(config=runtime.config, state=request.state, runtime=runtime)
        return request.override(tool=self._live.tool(name, scope, place))

    def _told(self, request: ToolCallRequest, scope: RunScope, answer: Answered) -> Answered:
        """The answer; where nobody has the tool, LangGraph's own words name the agent's tools and not the live ones."""
        name = request.tool_call["name"]
        refusal = INVALID_TOOL_NAME_ERROR_TEMPLATE.partition(",")[0].format(requested_tool=name)
        if isinstance(answer, ToolMessage) and answer.status == "error" and str(answer.content).startswith(refusal):
            return answer.model_copy(update={"content": self._live.unknown(scope, name)})
        return answer


def _stamped(response: ModelResponse[Any], scope: RunScope) -> ModelResponse[Any]:
    """The response, whose messages say which release's tools their model was offered."""
    if not isinstance(response, ModelResponse):
        return response
    return replace(response, result=[_with_stamp(message, scope) for message in response.result])


def _with_stamp(message: BaseMessage, scope: RunScope) -> BaseMessage:
    if not isinstance(message, AIMessage) or not message.tool_calls:
        return message
    stamp = {STAMP: scope.release.digest}
    return message.model_copy(update={"response_metadata": {**message.response_metadata, **stamp}})


def _began_at(state: Any) -> str:
    """Digest of the release this turn began on; empty while its model has called no tool."""
    messages = state.get("messages", ()) if isinstance(state, Mapping) else getattr(state, "messages", ())
    for message in reversed(messages):
        if isinstance(message, HumanMessage):
            break
        if isinstance(message, AIMessage) and (stamp := message.response_metadata.get(STAMP)):
            return str(stamp)
    return ""


def _name(tool: BaseTool | dict[str, Any]) -> str:
    """Of a tool of the agent's own, or one that the model's provider runs."""
    if isinstance(tool, BaseTool):
        return tool.name
    return str(tool.get("name") or tool.get("function", {}).get("name", ""))

"""`LiveToolsMiddleware`: live tools for LangChain's `create_agent`, offered to its model and run, from one release."""

from collections.abc import Awaitable, Callable
from typing import Any

from langchain.agents.middleware.types import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.messages import ToolMessage
from langchain_core.runnables import ensure_config
from langchain_core.tools import BaseTool
from langgraph.prebuilt.tool_node import INVALID_TOOL_NAME_ERROR_TEMPLATE, ToolCallRequest
from langgraph.types import Command

from toolcrib.agents.live.calls import LiveTools, Place
from toolcrib.agents.scope import RunScope, ScopeSource

Offer = ModelRequest[Any]
Answered = ToolMessage | Command[Any]


class LiveToolsMiddleware(AgentMiddleware[Any, Any, Any]):
    """Offers live tools beside the agent's own, and runs those that the model calls.

    All model and tool calls of one run of the agent go to one release; the next run takes the one that serves then. A
    tool that the agent was made with goes before a live one of its name. What is not worth calling now, because its
    breaker is open, is not offered.

    Args:
        patterns: names or patterns of the tools.
        source: where the release of a run comes from.
    """

    def __init__(self, patterns: tuple[str, ...], *, source: ScopeSource) -> None:
        super().__init__()
        self.tools = []
        self._patterns = patterns
        self._live = LiveTools(patterns, source=source)

    @property
    def name(self) -> str:
        """Tells it from others beside it: an agent must not have two of one name."""
        return f"toolcrib[{','.join(self._patterns)}]"

    def wrap_model_call(self, request: Offer, handler: Callable[[Offer], ModelResponse[Any]]) -> ModelResponse[Any]:
        """Offer the live tools."""
        return handler(self._offering(request, self._live.scope_in_thread(ensure_config())))

    async def awrap_model_call(
        self, request: Offer, handler: Callable[[Offer], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        """Offer the live tools."""
        return await handler(self._offering(request, await self._live.scope(ensure_config())))

    def wrap_tool_call(self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Answered]) -> Answered:
        """Run a live tool; everything else goes on to whoever has it."""
        if request.tool is not None:
            return handler(request)
        scope = self._live.scope_in_thread(request.runtime.config)
        return self._told(request, scope, handler(self._found(request, scope)))

    async def awrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Awaitable[Answered]]
    ) -> Answered:
        """Run a live tool; everything else goes on to whoever has it."""
        if request.tool is not None:
            return await handler(request)
        scope = await self._live.scope(request.runtime.config)
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


def _name(tool: BaseTool | dict[str, Any]) -> str:
    """Of a tool of the agent's own, or one that the model's provider runs."""
    if isinstance(tool, BaseTool):
        return tool.name
    return str(tool.get("name") or tool.get("function", {}).get("name", ""))

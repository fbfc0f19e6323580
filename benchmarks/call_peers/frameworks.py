"""The same tool, called through what other frameworks call a tool with; each at its own public seam.

No model is asked and no run is recorded: what is measured is the way from a model's wish (a name, arguments as the
framework gets them) to the tool's result. Whatever of it a framework does in its run loop alone is not in it, so the
figures err in its favour.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from agents import function_tool
from agents.tool_context import ToolContext
from pydantic_ai import RunContext, RunUsage
from pydantic_ai.messages import ToolCallPart
from pydantic_ai.models.test import TestModel
from pydantic_ai.tool_manager import ToolManager
from pydantic_ai.toolsets import FunctionToolset
from strands import tool as strands_tool

Call = Callable[[], Awaitable[object]]
Tool = Callable[..., Awaitable[Any]]


async def pydantic_ai(tool: Tool, args: Mapping[str, Any]) -> Call:
    """Pydantic AI: the tool manager of a run step takes the model's tool call part."""
    context = RunContext(deps=None, model=TestModel(), usage=RunUsage())
    manager = await ToolManager(FunctionToolset([tool])).for_run_step(context)
    part = ToolCallPart(tool.__name__, dict(args), tool_call_id="c1")
    return lambda: manager.handle_call(part)


async def openai_agents(tool: Tool, args: Mapping[str, Any]) -> Call:
    """OpenAI Agents SDK: a function tool is invoked with the arguments as JSON text."""
    made, text = function_tool(tool), json.dumps(args)
    context = ToolContext(None, tool_name=made.name, tool_call_id="c1", tool_arguments=text)
    return lambda: made.on_invoke_tool(context, text)


async def strands(tool: Tool, args: Mapping[str, Any]) -> Call:
    """Strands: a decorated tool streams events, the last of which is its result."""
    made: Any = strands_tool(tool)
    use = {"toolUseId": "c1", "name": made.tool_name, "input": dict(args)}

    async def call() -> object:
        return [event async for event in made.stream(use, {})][-1]

    return call


PEERS = {"pydantic_ai": pydantic_ai, "openai_agents": openai_agents, "strands": strands}

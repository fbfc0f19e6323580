"""The same run in other frameworks: a scripted model asks for so many tool calls, one after the other, then answers."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from agents import Agent as OpenAIAgent
from agents import Model, ModelResponse, RunConfig, Runner, Usage, function_tool
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, TextPart, ToolCallPart
from pydantic_ai.messages import ModelResponse as PydanticResponse
from pydantic_ai.models.function import AgentInfo, FunctionModel

Run = Callable[[], Awaitable[object]]
Tool = Callable[..., Awaitable[Any]]
PROMPT = "Be kind."


def pydantic_ai(tool: Tool, calls: int) -> Run:
    """Pydantic AI: an agent on a function model."""

    async def model(messages: list[ModelMessage], info: AgentInfo) -> PydanticResponse:
        done = sum(part.part_kind == "tool-return" for message in messages for part in message.parts)
        if done < calls:
            return PydanticResponse(parts=[ToolCallPart(tool.__name__, args_of(done), tool_call_id=f"c{done}")])
        return PydanticResponse(parts=[TextPart("done")])

    agent = Agent(FunctionModel(model), tools=[tool], instructions=PROMPT)

    async def run() -> object:
        result = await agent.run("Go on.")
        assert result.output == "done"
        return result

    return run


class Scripted(Model):  # type: ignore[misc]  # the peer is not installed where types are checked
    """A model of the OpenAI Agents SDK that follows the script."""

    def __init__(self, tool: str, calls: int) -> None:
        self._tool = tool
        self._calls = calls

    async def get_response(self, system_instructions: Any, input: Any, *args: Any, **kwargs: Any) -> ModelResponse:
        """The next call, or the answer."""
        items = [] if isinstance(input, str) else input
        done = sum(item.get("type") == "function_call_output" for item in items)
        if done < self._calls:
            call = ResponseFunctionToolCall(
                type="function_call", name=self._tool, call_id=f"c{done}", arguments=json.dumps(args_of(done))
            )
            return ModelResponse(output=[call], usage=Usage(), response_id=None)
        text = ResponseOutputText(type="output_text", text="done", annotations=[])
        message = ResponseOutputMessage(id="m", type="message", role="assistant", status="completed", content=[text])
        return ModelResponse(output=[message], usage=Usage(), response_id=None)

    def stream_response(self, *args: Any, **kwargs: Any) -> Any:
        """Nobody streams here."""
        raise NotImplementedError


def openai_agents(tool: Tool, calls: int) -> Run:
    """OpenAI Agents SDK: its runner, without tracing."""
    made = function_tool(tool)
    agent = OpenAIAgent(name="a", instructions=PROMPT, tools=[made], model=Scripted(made.name, calls))
    config = RunConfig(tracing_disabled=True)

    async def run() -> object:
        result = await Runner.run(agent, "Go on.", max_turns=calls + 2, run_config=config)
        assert result.final_output == "done"
        return result

    return run


def args_of(number: int) -> dict[str, Any]:
    """The arguments of the call with this number; no two calls of a run are the same."""
    return {"order_id": "A-42", "limit": number}


PEERS = {"pydantic_ai": pydantic_ai, "openai_agents": openai_agents}

"""LangChain tools as ours, and ours as LangChain tools."""

import inspect
from typing import Annotated, Any

import anyio
import pytest
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import (
    BaseTool,
    InjectedToolArg,
    InjectedToolCallId,
    StructuredTool,
    ToolException,
)
from langchain_core.tools import Tool as SingleInputTool
from langchain_core.tools import tool as langchain_tool
from langgraph.prebuilt import InjectedState
from pydantic import BaseModel, Field

from tests.support import Bench
from toolcrib.agents.langchain_tools import as_langchain_tools
from toolcrib.core.calls import CallContext, ToolCall, ToolContext
from toolcrib.core.decorator import tool
from toolcrib.core.errors import ArgumentsInvalid, ToolError
from toolcrib.tools.adapt import adapt, definition_of, is_tool
from toolcrib.tools.schema import SchemaError

pytestmark = pytest.mark.anyio
CONTEXT = ToolContext(
    tool="t",
    call_id="c-7",
    release="r",
    extras={"state": {"messages": [1]}, "config": {"configurable": {"user": "ada"}}},
)


class Query(BaseModel):
    text: str = Field(description="What to look for.")
    most: int = 3


async def said(source: BaseTool, **args: Any) -> Any:
    made = adapt(source)
    value = made.run(made.validate(args), CONTEXT)
    assert inspect.isawaitable(value) == made.is_async
    with anyio.fail_after(5):
        return await value if made.is_async else value


@langchain_tool
def search(text: str, most: int = 3) -> str:
    """Search the shop."""
    return f"{text} x{most}"


@langchain_tool
async def search_async(text: str) -> str:
    """Search the shop."""
    return text


def silent(text: str, most: int) -> str:
    raise AssertionError("the coroutine is what runs")


async def speaks(text: str, most: int) -> str:
    return f"{text} x{most}"


class Shelf(BaseTool):
    name: str = "shelf"
    description: str = "Look at a shelf."
    args_schema: Any = Query

    def _run(self, text: str, most: int, config: RunnableConfig) -> str:
        return f"{text} x{most} for {config['configurable']['user']}"


class AsyncShelf(Shelf):
    name: str = "async_shelf"

    async def _arun(self, text: str, most: int, config: RunnableConfig) -> str:
        return "async " + self._run(text, most, config)


def test_the_spec_says_what_langchain_would_say() -> None:
    assert is_tool(search)
    spec = adapt(search).spec
    assert (spec.name, spec.description, spec.kind) == ("search", "Search the shop.", "langchain")
    assert spec.args_schema == {
        "properties": {"text": {"type": "string"}, "most": {"default": 3, "type": "integer"}},
        "required": ["text"],
        "type": "object",
    }
    assert definition_of(search).module == __name__
    assert definition_of(search).line == spec.line > 1


async def test_plain_and_coroutine_tools_are_run_each_its_own_way() -> None:
    assert await said(search, text="tea", most="2") == "tea x2"
    assert await said(search_async, text="tea") == "tea"
    both = StructuredTool.from_function(func=silent, coroutine=speaks, name="both", description="d", args_schema=Query)
    assert await said(both, text="tea") == "tea x3"
    assert not adapt(search).is_async
    assert adapt(search_async).is_async


async def test_subclasses_of_base_tool_get_their_config() -> None:
    assert await said(Shelf(), text="tea") == "tea x3 for ada"
    assert await said(AsyncShelf(), text="tea") == "async tea x3 for ada"


async def test_wrong_arguments_are_ours_to_tell() -> None:
    with pytest.raises(ArgumentsInvalid, match="text: is required") as caught:
        await said(search)
    assert caught.value.hint == "Arguments are: text, most."
    with pytest.raises(ArgumentsInvalid, match="most: Input should be a valid integer"):
        await said(Shelf(), text="x", most="many")


async def test_a_schema_given_as_a_dict_is_shown_as_it_is() -> None:
    schema = {
        "type": "object",
        "title": "Query",
        "properties": {"q": {"type": "string", "description": "What."}},
        "required": ["q"],
    }
    source = StructuredTool.from_function(func=lambda **args: args, name="remote", description="d", args_schema=schema)
    assert adapt(source).spec.args_schema["properties"] == schema["properties"]
    assert await said(source, q="tea") == {"q": "tea"}


async def test_a_tool_of_a_single_input_works_too() -> None:
    source = SingleInputTool(name="upper", description="d", func=str.upper)
    (only,) = adapt(source).spec.args_schema["properties"]
    assert await said(source, **{only: "tea"}) == "TEA"


async def test_injected_arguments_are_filled_in_and_unknown_to_the_model() -> None:
    @langchain_tool
    def wants(
        *,
        x: int,
        call_id: Annotated[str, InjectedToolCallId],
        state: Annotated[dict[str, Any], InjectedState],
        messages: Annotated[list[int], InjectedState("messages")],
        config: RunnableConfig,
        own: Annotated[str, InjectedToolArg] = "default",
    ) -> list[Any]:
        """Want."""
        return [x, call_id, state, messages, config["configurable"]["user"], own]

    made = adapt(wants)
    assert list(made.spec.args_schema["properties"]) == ["x"]
    assert made.injects == {"call_id", "state", "config"}
    content = await said(wants, x=1, own="forged", call_id="forged", state={})
    assert content == '[1, "c-7", {"messages": [1]}, [1], "ada", "default"]'


async def test_an_asynchronous_tool_learns_its_calls_id_as_well() -> None:
    @langchain_tool
    async def wants(call_id: Annotated[str, InjectedToolCallId]) -> str:
        """Want."""
        return call_id

    assert await said(wants) == "c-7"


def broken(text: str) -> str:
    raise ToolException(f"No {text}.")


async def test_an_error_the_tool_does_not_handle_is_raised() -> None:
    with pytest.raises(ToolException, match=r"No tea\."):
        await said(StructuredTool.from_function(func=broken, name="broken", description="d"), text="tea")


async def test_an_error_the_tool_handles_is_its_answer() -> None:
    source = StructuredTool.from_function(func=broken, name="broken", description="d", handle_tool_error=True)
    assert await said(source, text="tea") == "No tea."


async def test_an_error_that_comes_as_a_message_is_an_error() -> None:
    def fails(call_id: Annotated[str, InjectedToolCallId]) -> str:
        raise ToolException("No tea.")

    source = StructuredTool.from_function(func=fails, name="fails", description="d", handle_tool_error=True)
    with pytest.raises(ToolError, match=r"No tea\."):
        await said(source)


async def test_of_content_and_artifact_the_content_is_the_answer() -> None:
    @langchain_tool(response_format="content_and_artifact")
    def draws(text: str) -> tuple[str, bytes]:
        """Draw."""
        return f"a picture of {text}", b"\x89PNG"

    assert await said(draws, text="tea") == "a picture of tea"


def test_a_name_our_models_cannot_call_is_refused() -> None:
    with pytest.raises(SchemaError, match="cannot be the name of a tool"):
        adapt(StructuredTool.from_function(func=broken, name="bad name!", description="d"))


# The other direction.


@tool
async def divide(a: float, b: float, context: ToolContext) -> float:
    """Divide a by b."""
    return a / b


def given_out() -> BaseTool:
    bench = Bench()
    release = bench.release(adapt(divide))

    async def call(name: str, args: dict[str, Any]) -> Any:
        return await bench.executor.call(release, ToolCall(name=name, args=args), CallContext())

    (made,) = as_langchain_tools([adapt(divide).spec], call)
    return made


async def test_a_tool_of_ours_is_a_langchain_tool_with_our_schema() -> None:
    made = given_out()
    assert (made.name, made.description) == ("divide", "Divide a by b.")
    assert list(made.args) == ["a", "b"]
    assert await made.ainvoke({"a": 3, "b": 2}) == 1.5


@pytest.mark.parametrize(("args", "text"), [({"a": 1, "b": 0}, "float division by zero"), ({"a": 1}, "b: is required")])
async def test_its_failures_are_messages_with_the_status_of_an_error(args: dict[str, Any], text: str) -> None:
    message = await given_out().ainvoke({"type": "tool_call", "name": "divide", "args": args, "id": "c-1"})
    assert message.status == "error"
    assert text in message.content


async def test_it_survives_the_way_there_and_back() -> None:
    assert await said(given_out(), a=3, b=2) == 1.5

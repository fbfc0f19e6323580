"""LangChain tools as toolcrib tools."""

import inspect
from collections.abc import Mapping, Sequence
from inspect import Parameter
from typing import Any, NamedTuple, TypeGuard

from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from toolcrib.core.calls import ToolContext
from toolcrib.core.errors import ToolError
from toolcrib.core.redaction import Masks, plain
from toolcrib.core.tools import Tool, ToolSpec
from toolcrib.tools.python import check_name
from toolcrib.tools.schema import absent, args_mask, field_names, injected_values, injection_kind, make_validator


def langchain_tool(source: BaseTool, *, sensitive: Sequence[str] = ()) -> Tool:
    """A `BaseTool` or `StructuredTool` as a tool of ours; its own validation runs inside, ours before it.

    `sensitive` are arguments that are so beside those its own schema marks.

    Raises:
        SchemaError: its name cannot be used.
    """
    name = check_name(source.name)
    schema = source.tool_call_schema
    function = convert_to_openai_tool(source)["function"]
    parameters = dict(function.get("parameters") or {"type": "object", "properties": {}})
    code = inspect.unwrap(getattr(source, "func", None) or getattr(source, "coroutine", None) or type(source))
    mask = args_mask(parameters, sensitive)
    spec = ToolSpec(
        name=name,
        description=source.description or name,
        args_schema=plain(parameters),
        line=getattr(getattr(code, "__code__", None), "co_firstlineno", 0),
        kind="langchain",
        sensitive=Masks(args=mask),
    )
    model = schema if _describes(schema, parameters) else None
    validate = make_validator(model, name, names=field_names(model), mask=mask) if model else dict
    is_async = type(source)._arun is not BaseTool._arun and bool(getattr(source, "coroutine", True))
    injected = _injected(source)
    run = _async(source, injected) if is_async else _sync(source, injected)
    injects = frozenset({"config", *(kind.partition(".")[0] for kind in injected.kinds.values())})
    return Tool(spec=spec, validate=validate, run=run, is_async=is_async, injects=injects)


def _describes(schema: Any, parameters: Mapping[str, Any]) -> TypeGuard[type[BaseModel]]:
    """Whether this model is what the LLM is shown: a dict schema has none, a single-input `Tool` another."""
    is_model = isinstance(schema, type) and issubclass(schema, BaseModel)
    return is_model and schema.model_fields.keys() == set(parameters.get("properties", ()))


class _Injected(NamedTuple):
    """What LangGraph would fill in: parameter name -> kind, and what stands for a value that is not there."""

    kinds: Mapping[str, str]
    stand_ins: Mapping[str, Any]


def _injected(source: BaseTool) -> _Injected:
    """What LangGraph would fill in; its tools mark those parameters in their full schema."""
    fields: dict[str, FieldInfo] = getattr(source.get_input_schema(), "model_fields", {})
    hidden = fields.keys() - getattr(source.tool_call_schema, "model_fields", fields).keys()
    kinds = {name: kind for name in hidden if (kind := _kind(fields[name]))}
    stand_ins = {name: value for name in kinds for value in _absent(fields[name])}
    return _Injected(kinds, stand_ins)


def _absent(field: FieldInfo) -> tuple[Any, ...]:
    default = Parameter.empty if field.is_required() else field.get_default(call_default_factory=True)
    return absent(field.annotation, default)


def _kind(field: FieldInfo) -> str:
    return next((kind for kind in map(injection_kind, (*field.metadata, field.annotation)) if kind), "")


def _input(source: BaseTool, args: Mapping[str, Any], injected: _Injected, context: ToolContext) -> dict[str, Any]:
    """What to invoke the tool with: its arguments, or, since LangChain gives the call's id to no other, a tool call."""
    filled = {**args, **injected_values(injected.kinds, injected.stand_ins, context)}
    if "call_id" not in injected.kinds.values():
        return filled
    return {"type": "tool_call", "name": source.name, "args": filled, "id": context.call_id}


def _output(value: Any) -> Any:
    """What the tool returned; a tool call is answered with a message.

    Raises:
        ToolError: the message tells of an error.
    """
    if not isinstance(value, ToolMessage):
        return value
    if value.status == "error":
        raise ToolError(str(value.text))
    return value.content


def _sync(source: BaseTool, injected: _Injected) -> Any:
    def run(args: Mapping[str, Any], context: ToolContext) -> Any:
        return _output(source.invoke(_input(source, args, injected, context), context.extras.get("config")))

    return run


def _async(source: BaseTool, injected: _Injected) -> Any:
    async def run(args: Mapping[str, Any], context: ToolContext) -> Any:
        return _output(await source.ainvoke(_input(source, args, injected, context), context.extras.get("config")))

    return run

"""LangChain tools as toolcrib tools."""

import inspect
from collections.abc import Mapping
from typing import Any

from langchain_core.tools import BaseTool, InjectedToolCallId
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from toolcrib.core.calls import ToolContext
from toolcrib.core.tools import Tool, ToolSpec
from toolcrib.tools.python import check_name
from toolcrib.tools.schema import field_names, injection_kind, make_validator


def langchain_tool(source: BaseTool) -> Tool:
    """A `BaseTool` or `StructuredTool` as a tool of ours; its own validation runs inside, ours before it.

    Raises:
        SchemaError: its name cannot be used.
    """
    name = check_name(source.name)
    schema = source.tool_call_schema
    function = convert_to_openai_tool(source)["function"]
    parameters = dict(function.get("parameters") or {"type": "object", "properties": {}})
    code = inspect.unwrap(getattr(source, "func", None) or getattr(source, "coroutine", None) or type(source))
    spec = ToolSpec(
        name=name,
        description=source.description or name,
        args_schema=parameters,
        line=getattr(getattr(code, "__code__", None), "co_firstlineno", 0),
        kind="langchain",
    )
    model = schema if isinstance(schema, type) and issubclass(schema, BaseModel) else None
    validate = make_validator(model, name, names=field_names(model)) if model else dict
    is_async = type(source)._arun is not BaseTool._arun and getattr(source, "coroutine", True) is not None
    injected = _injected(source)
    run = _async(source, injected) if is_async else _sync(source, injected)
    return Tool(
        spec=spec, validate=validate, run=run, is_async=is_async, injects=frozenset({"config", *injected.values()})
    )


def _injected(source: BaseTool) -> dict[str, str]:
    """Parameter name -> kind, of what LangGraph would fill in; its tools mark those in their full schema."""
    fields: dict[str, FieldInfo] = getattr(source.get_input_schema(), "model_fields", {})
    hidden = fields.keys() - getattr(source.tool_call_schema, "model_fields", fields).keys()
    return {name: _kind(fields[name]) for name in hidden}


def _kind(field: FieldInfo) -> str:
    for candidate in (field.annotation, *field.metadata):
        if kind := injection_kind(candidate):
            return kind
        if isinstance(candidate, InjectedToolCallId) or candidate is InjectedToolCallId:
            return "call_id"
    return ""


def _filled(args: Mapping[str, Any], injected: Mapping[str, str], context: ToolContext) -> dict[str, Any]:
    values = {
        name: context.call_id if kind == "call_id" else context.extras.get(kind)
        for name, kind in injected.items()
        if kind
    }
    return {**args, **values}


def _sync(source: BaseTool, injected: Mapping[str, str]) -> Any:
    def run(args: Mapping[str, Any], context: ToolContext) -> Any:
        return source.invoke(_filled(args, injected, context), context.extras.get("config"))

    return run


def _async(source: BaseTool, injected: Mapping[str, str]) -> Any:
    async def run(args: Mapping[str, Any], context: ToolContext) -> Any:
        return await source.ainvoke(_filled(args, injected, context), context.extras.get("config"))

    return run

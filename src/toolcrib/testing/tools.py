"""A tool without a project: for tests of what calls tools, not of what a tool's author writes."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from toolcrib.core.calls import ToolContext
from toolcrib.core.errors import ArgumentsInvalid
from toolcrib.core.policies import ToolPolicy
from toolcrib.core.tools import Tool, ToolSpec


def make_tool(function: Callable[..., Any], /, **policy: Any) -> Tool:
    """The function as a tool that takes its parameters by name, of any type; a `ToolContext` parameter is injected.

    Args:
        function: sync or async; its name and the first line of its docstring become the tool's.
        **policy: fields of `ToolPolicy`, e.g. `timeout_s=1`, `side_effect="read"`; `name` is another name for the tool.
    """
    name = policy.pop("name", function.__name__)
    parameters = inspect.signature(function).parameters
    injected = [key for key, one in parameters.items() if one.annotation in (ToolContext, "ToolContext")]
    asked = {key: one for key, one in parameters.items() if key not in injected}
    required = [key for key, one in asked.items() if one.default is inspect.Parameter.empty]
    schema = {"type": "object", "properties": {key: {} for key in asked}, "required": required}

    def validate(args: Mapping[str, Any]) -> Mapping[str, Any]:
        if wrong := (set(required) - set(args)) | (set(args) - set(asked)):
            raise ArgumentsInvalid(f"Wrong arguments for tool {name!r}: {', '.join(sorted(wrong))}.")
        return dict(args)

    def run(args: Mapping[str, Any], context: ToolContext) -> Any:
        return function(**args, **dict.fromkeys(injected, context))

    description = (inspect.getdoc(function) or name).partition("\n")[0]
    spec = ToolSpec(name=name, description=description, args_schema=schema, policy=ToolPolicy(**policy))
    is_async = inspect.iscoroutinefunction(function)
    return Tool(
        spec=spec, validate=validate, run=run, is_async=is_async, injects=frozenset(["context"] * bool(injected))
    )

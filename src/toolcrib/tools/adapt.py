"""Recognising tools among the values of a module, whichever way their author wrote them."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.tools import BaseTool

from toolcrib.core.tools import Tool
from toolcrib.tools.langchain import langchain_tool
from toolcrib.tools.python import declaration_of, python_tool


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """Where a tool was defined: name of the module, 1-based line, and what its author said of its policy."""

    module: str
    line: int
    policy: Mapping[str, Any]


def is_tool(value: Any) -> bool:
    """Whether `value` is a decorated function or a LangChain tool."""
    return declaration_of(value) is not None or isinstance(value, BaseTool)


def definition_of(value: Any) -> Definition:
    """Where the tool was defined; a tool without a function of its own has no module and line 1."""
    function = value if inspect.isroutine(value) else getattr(value, "func", None) or getattr(value, "coroutine", None)
    code = inspect.unwrap(function) if callable(function) else None
    declaration = declaration_of(value)
    return Definition(
        module=str(getattr(code, "__module__", "")),
        line=int(getattr(getattr(code, "__code__", None), "co_firstlineno", 1)),
        policy=declaration.policy if declaration else {},
    )


def adapt(value: Any, *, name: str = "", sensitive: Sequence[str] = ()) -> Tool:
    """The tool; `sensitive` are arguments that must not be shown beside those its author marked.

    With a `name` it goes by that one, whatever its author called it.

    Raises:
        SchemaError: it cannot be offered to a model as it is.
    """
    declaration = declaration_of(value)
    if declaration:
        declaration = replace(declaration, name=name or declaration.name)
        return python_tool(value, declaration, sensitive=sensitive)
    return langchain_tool(value.model_copy(update={"name": name}) if name else value, sensitive=sensitive)

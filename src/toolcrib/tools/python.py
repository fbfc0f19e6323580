"""Decorated Python functions as tools."""

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from toolcrib.core.calls import ToolContext
from toolcrib.core.decorator import MARK, Example, ToolDeclaration
from toolcrib.core.policies import ToolPolicy
from toolcrib.core.tools import Tool, ToolSpec
from toolcrib.tools.docstring import parse_docstring
from toolcrib.tools.schema import SchemaError, Signature, injected_values, make_validator, read_signature

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


def declaration_of(value: Any) -> ToolDeclaration | None:
    """What `@tool` said about `value`; None when it is no decorated function."""
    declared = getattr(value, MARK, None) if inspect.isroutine(value) else None
    return declared if isinstance(declared, ToolDeclaration) else None


def python_tool(function: Callable[..., Any], declaration: ToolDeclaration, *, sensitive: Sequence[str] = ()) -> Tool:
    """A decorated function as a tool; `sensitive` are arguments that are so beside the annotated ones.

    Raises:
        SchemaError: name, description, policy or a parameter cannot be used; the message says which and why.
    """
    doc = parse_docstring(function)
    name = check_name(declaration.name or function.__name__)
    description = declaration.description or doc.description
    if not description:
        raise SchemaError(
            f"tool {name!r} has no description", "Give it a docstring: it is what a model chooses the tool by."
        )
    signature = read_signature(function, doc, sensitive)
    said: tuple[Any, ...] = declaration.examples
    if strange := [one for one in said if not isinstance(one, str | Example)]:
        raise SchemaError(
            f"{strange[0]!r:.80} is no example", "Write a question as text, or Example(args={...}, returns=...)."
        )
    examples = tuple(one for one in said if isinstance(one, Example))
    questions = (one if isinstance(one, str) else one.question for one in said)
    spec = ToolSpec(
        name=name,
        description=description,
        args_schema=signature.args_schema,
        result_schema=signature.result_schema,
        policy=make_policy(declaration.policy),
        line=function.__code__.co_firstlineno if hasattr(function, "__code__") else 0,
        examples=tuple(filter(None, questions)),
        sensitive=signature.sensitive,
    )
    validate = make_validator(signature.model, name, names=signature.names, mask=signature.sensitive.args)
    is_async = inspect.iscoroutinefunction(function)
    injects = frozenset(kind.partition(".")[0] for kind in signature.injected.values())
    run = _bind(function, signature)
    return Tool(spec=spec, validate=validate, run=run, is_async=is_async, injects=injects, examples=examples)


def make_policy(fields: Mapping[str, Any]) -> ToolPolicy:
    """The policy from the decorator's keywords.

    Raises:
        SchemaError: an unknown or impossible value.
    """
    try:
        return ToolPolicy(**fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        known = ", ".join(ToolPolicy.model_fields)
        hint = f"Policies are: {known}." if first["type"] == "extra_forbidden" else "Correct the value in @tool(...)."
        raise SchemaError(f"policy {where}: {first['msg']}", hint) from error


def check_name(name: str, *, kind: str = "tool") -> str:
    """`name`, if models of all providers can call a tool of that name; resources keep to the same rule.

    Raises:
        SchemaError: they cannot.
    """
    if not _NAME.fullmatch(name):
        raise SchemaError(
            f"{name!r} cannot be the name of a {kind}",
            "Use a letter first, then letters, digits, '_' or '-', 64 at most.",
        )
    return name


def _bind(
    function: Callable[..., Any], signature: Signature
) -> Callable[[Mapping[str, Any], ToolContext], Any | Awaitable[Any]]:
    """The function as (arguments, context) -> result; what it wants injected comes from the context."""
    injected, stand_ins = signature.injected, signature.stand_ins
    if not injected:
        return lambda args, context: function(**args)
    if [*injected.values()] == ["context"]:
        (parameter,) = injected
        return lambda args, context: function(**args, **{parameter: context})

    def run(args: Mapping[str, Any], context: ToolContext) -> Any:
        return function(**args, **injected_values(injected, stand_ins, context))

    return run

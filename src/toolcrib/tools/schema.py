"""The argument model of a function: signature and type hints -> pydantic model, JSON Schema and validator."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation, PydanticUserError
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema

from toolcrib.core.calls import ToolContext
from toolcrib.core.decorator import Resource, Secret
from toolcrib.core.errors import ArgumentsInvalid
from toolcrib.core.names import near
from toolcrib.tools.docstring import Docstring

_FORBIDDEN = frozenset(
    {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
)
_BAD_HINTS = (AttributeError, NameError, SyntaxError, TypeError)
_FRAMEWORK_KINDS = MappingProxyType(
    {
        "ToolRuntime": "runtime",
        "InjectedState": "state",
        "InjectedToolCallId": "call_id",
        "RunnableConfig": "config",
    }
)


class SchemaError(Exception):
    """A function cannot be a tool, or a resource, as it is.

    The message says which parameter and why, `hint` how to mend it; `code` is that of the reason.
    """

    def __init__(self, message: str, hint: str, *, code: str = "tool") -> None:
        super().__init__(message)
        self.hint = hint
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a model must, and must not, know of a function's parameters.

    Attributes:
        model: pydantic model with one field per argument the model fills in.
        names: field name -> parameter name, where the two differ.
        injected: parameter name -> kind of value toolcrib fills in, see `injected_value`.
        result_schema: JSON Schema of the result; None when not annotated.
    """

    model: type[BaseModel]
    names: Mapping[str, str]
    injected: Mapping[str, str]
    result_schema: Mapping[str, Any] | None

    def args_schema(self) -> dict[str, Any]:
        """JSON Schema of the arguments object, without the titles that only cost tokens."""
        schema = self.model.model_json_schema(by_alias=True, schema_generator=_WithoutTitles)
        schema.pop("title", None)
        schema.pop("description", None)
        return schema


class _WithoutTitles(GenerateJsonSchema):
    """Pydantic's generator, without the titles it derives from field names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never: a title that repeats the name only costs tokens."""
        return False


def read_signature(function: Callable[..., Any], doc: Docstring) -> Signature:
    """Read a function's parameters and result.

    Raises:
        SchemaError: a parameter cannot be expressed to a model.
    """
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise SchemaError("a generator has no one result to give to a model", "Collect what it yields and return that.")
    hints = read_hints(function)
    fields: dict[str, Any] = {}
    names: dict[str, str] = {}
    injected: dict[str, str] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        hint = hints.get(name, Any)
        if parameter.kind in _FORBIDDEN:
            raise SchemaError(
                f"parameter {parameter} cannot be filled in by name", "Give every parameter a name of its own."
            )
        if wish_in(hint) is not None:
            continue  # filled in by whoever runs the tool, see `Tool.needs`
        if kind := injection_kind(hint):
            injected[name] = kind
        else:
            fields[_safe(name)] = _field(name, hint, parameter, doc)
            names[_safe(name)] = name
    config = ConfigDict(extra="forbid", arbitrary_types_allowed=False, protected_namespaces=())
    try:
        model: type[BaseModel] = create_model(f"{function.__name__}_arguments", __config__=config, **fields)
        model.model_json_schema()
    except (PydanticSchemaGenerationError, PydanticUndefinedAnnotation, PydanticUserError, *_BAD_HINTS) as error:
        raise SchemaError(_first_line(error), "Use types that JSON can carry, or have the value injected.") from error
    return Signature(model=model, names=names, injected=injected, result_schema=_result_schema(hints.get("return")))


def injection_kind(hint: Any) -> str:
    """What toolcrib fills in for a parameter of this type; empty when the model fills it in.

    `context` for `ToolContext`, also inside `| None` and `Annotated`. LangGraph's `ToolRuntime`, `InjectedState`,
    `InjectedToolCallId` and `RunnableConfig` are recognised by name: this room does not import it. `InjectedState("x")`
    is `state.x`.
    """
    if hint is ToolContext:
        return "context"
    base = get_origin(hint) or hint
    name = base.__name__ if isinstance(base, type) else type(base).__name__
    if kind := _FRAMEWORK_KINDS.get(name, ""):
        field = getattr(hint, "field", None) if kind == "state" else None
        return f"{kind}.{field}" if isinstance(field, str) else kind
    return next((kind for kind in map(injection_kind, get_args(hint)) if kind), "")


def wish_in(hint: Any) -> Resource | Secret | None:
    """The `Resource` or `Secret` in a type hint, also below `| None`."""
    if isinstance(hint, Resource | Secret):
        return hint
    return next((wish for wish in map(wish_in, get_args(hint)) if wish is not None), None)


def injected_value(kind: str, context: ToolContext) -> Any:
    """The value for a parameter of this kind: the context, the call's id, or one of the extras, or a field of that."""
    if kind == "context":
        return context
    if kind == "call_id":
        return context.call_id
    key, _, field = kind.partition(".")
    value = context.extras.get(key)
    if not field or value is None:
        return value
    return value.get(field) if isinstance(value, Mapping) else getattr(value, field, None)


def make_validator(
    model: type[BaseModel], tool: str, *, names: Mapping[str, str]
) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    """A function from raw arguments to the keyword arguments of the tool; raises `ArgumentsInvalid`.

    Args:
        model: the argument model.
        tool: name of the tool, for the message.
        names: field name in the model -> parameter name.
    """
    validate = model.__pydantic_validator__.validate_python
    fields = tuple((field, names.get(field, field)) for field in model.model_fields)
    known = tuple(info.alias or field for field, info in model.model_fields.items())

    def check(args: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            valid = validate(args)
        except ValidationError as error:
            raise _invalid(error, tool, known) from error
        return {parameter: getattr(valid, field) for field, parameter in fields}

    return check


def field_names(model: type[BaseModel]) -> dict[str, str]:
    """Field name -> parameter name, where the two differ."""
    return {field: info.alias for field, info in model.model_fields.items() if info.alias}


def _field(name: str, hint: Any, parameter: inspect.Parameter, doc: Docstring) -> tuple[Any, Any]:
    """One field of the argument model; the docstring describes it unless `Annotated[..., Field(description=)]` does."""
    default = ... if parameter.default is inspect.Parameter.empty else parameter.default
    options: dict[str, Any] = {"alias": name} if _safe(name) != name else {}
    if isinstance(default, FieldInfo):  # `x: int = Field(3, ge=1)`
        hint, default = Annotated[hint, default], ...
    if (text := doc.arguments.get(name)) and not _described(hint):
        options["description"] = text
    return hint, Field(default, **options)


def _described(hint: Any) -> bool:
    return get_origin(hint) is Annotated and any(getattr(extra, "description", None) for extra in get_args(hint)[1:])


def _safe(name: str) -> str:
    """Pydantic keeps names with a leading underscore, and those of `BaseModel` itself, for its own use."""
    return f"field {name}" if name.startswith("_") or hasattr(BaseModel, name) else name


def read_hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The function's type hints as objects.

    Raises:
        SchemaError: one of them cannot be evaluated.
    """
    try:
        return inspect.get_annotations(function, eval_str=True)
    except _BAD_HINTS as error:
        raise SchemaError(f"type hint not known: {error}", "Import the name the hint uses at module level.") from error


def _result_schema(hint: Any) -> Mapping[str, Any] | None:
    """The result's JSON Schema; a result type that JSON Schema cannot say is simply not described."""
    if hint is None or hint is inspect.Signature.empty or hint is Any:
        return None
    try:
        return TypeAdapter(hint).json_schema(mode="serialization", schema_generator=_WithoutTitles)
    except (PydanticSchemaGenerationError, PydanticUserError, TypeError):
        return None


def _invalid(error: ValidationError, tool: str, known: tuple[str, ...]) -> ArgumentsInvalid:
    """All mistakes in one message, worded so that a model can mend its call."""
    problems = []
    for detail in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part) for part in detail["loc"]) or "arguments"
        if detail["type"] == "extra_forbidden":
            close = near(where, known)
            guess = f"; did you mean {close[0]!r}?" if close else ""
            problems.append(f"{where}: there is no such argument{guess}")
        elif detail["type"] == "missing":
            problems.append(f"{where}: is required")
        else:
            problems.append(f"{where}: {detail['msg']}")
    expected = ", ".join(known) or "none"
    return ArgumentsInvalid(
        f"Wrong arguments for tool {tool!r}: {'; '.join(problems)}.", hint=f"Arguments are: {expected}."
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__

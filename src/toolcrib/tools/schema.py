"""The argument model of a function: signature and type hints -> pydantic model, JSON Schema and validator."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType, NoneType
from typing import Annotated, Any, Final, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation, PydanticUserError
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema

from toolcrib.core.calls import ToolContext
from toolcrib.core.decorator import Port, Resource, Secret, Sensitive
from toolcrib.core.errors import ArgumentsInvalid, ToolFailed
from toolcrib.core.redaction import OTHERS, Mask, Masks, hides, hiding, make_mask, plain, texts_of, without
from toolcrib.tools.docstring import Docstring
from toolcrib.tools.misfits import invalid, mistakes_in

_FORBIDDEN = frozenset(
    {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
)
_BAD_HINTS = (AttributeError, NameError, SyntaxError, TypeError)
_FRAMEWORK_KINDS = MappingProxyType(
    {
        "ToolRuntime": "runtime",
        "InjectedState": "state",
        "InjectedStore": "store",
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
        injected: parameter name -> kind of value toolcrib fills in, see `injected_values`.
        stand_ins: parameter name -> what stands for a value that is not there.
        args_schema: JSON Schema of the arguments object, without the titles that only cost tokens.
        result_schema: JSON Schema of the result; None when not annotated.
        sensitive: what its annotations say of both.
    """

    model: type[BaseModel]
    names: Mapping[str, str]
    injected: Mapping[str, str]
    stand_ins: Mapping[str, Any]
    args_schema: Mapping[str, Any]
    result_schema: Mapping[str, Any] | None
    sensitive: Masks


class _WithoutTitles(GenerateJsonSchema):
    """Pydantic's generator, without the titles it derives from field names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never: a title that repeats the name only costs tokens."""
        return False


def read_signature(function: Callable[..., Any], doc: Docstring, sensitive: Iterable[str] = ()) -> Signature:
    """Read a function's parameters and result; `sensitive` are arguments that are so beside the annotated ones.

    Raises:
        SchemaError: a parameter cannot be expressed to a model.
    """
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise SchemaError("a generator has no one result to give to a model", "Collect what it yields and return that.")
    hints = read_hints(function)
    fields: dict[str, Any] = {}
    names: dict[str, str] = {}
    injected: dict[str, str] = {}
    stand_ins: dict[str, Any] = {}
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
            for value in absent(hint, parameter.default):
                stand_ins[name] = value
        else:
            fields[_safe(name)] = _field(name, hint, parameter, doc)
            names[_safe(name)] = name
    config = ConfigDict(extra="forbid", arbitrary_types_allowed=False, protected_namespaces=())
    try:
        model: type[BaseModel] = create_model(f"{function.__name__}_arguments", __config__=config, **fields)
        args_schema = model.model_json_schema(by_alias=True, schema_generator=_WithoutTitles)
    except (PydanticSchemaGenerationError, PydanticUndefinedAnnotation, PydanticUserError, *_BAD_HINTS) as error:
        raise SchemaError(_first_line(error), "Use types that JSON can carry, or have the value injected.") from error
    result_schema, result_mask = _result(hints.get("return"))
    return Signature(
        model=model,
        names=names,
        injected=injected,
        stand_ins=stand_ins,
        args_schema=_without_head(plain(args_schema)),
        result_schema=result_schema,
        sensitive=Masks(args=args_mask(args_schema, sensitive), result=result_mask),
    )


def args_mask(schema: Mapping[str, Any], sensitive: Iterable[str]) -> Mask:
    """What is sensitive of the arguments a schema describes; they stay a mapping, also when all of them are."""
    mask = make_mask(schema, sensitive)
    return {OTHERS: True} if mask is True else mask


def injection_kind(hint: Any) -> str:
    """What toolcrib fills in for a parameter of this type; empty when the model fills it in.

    `context` for `ToolContext`, also inside `| None` and `Annotated`. LangGraph's `ToolRuntime`, `InjectedState`,
    `InjectedStore`, `InjectedToolCallId` and `RunnableConfig` are recognised by name: this room does not import it.
    `InjectedState("x")` is `state.x`.
    """
    if hint is ToolContext:
        return "context"
    base = get_origin(hint) or hint
    name = base.__name__ if isinstance(base, type) else type(base).__name__
    if kind := _FRAMEWORK_KINDS.get(name, ""):
        field = getattr(hint, "field", None) if kind == "state" else None
        return f"{kind}.{field}" if isinstance(field, str) else kind
    return next((kind for kind in map(injection_kind, get_args(hint)) if kind), "")


def wish_in(hint: Any) -> Resource | Secret | Port | None:
    """The `Resource`, `Secret` or `Port` in a type hint, also below `| None`."""
    if isinstance(hint, Resource | Secret | Port):
        return hint
    return next((wish for wish in map(wish_in, get_args(hint)) if wish is not None), None)


def injected_values(injected: Mapping[str, str], stand_ins: Mapping[str, Any], context: ToolContext) -> dict[str, Any]:
    """The values to fill in: the context, the call's id, or one of the extras, or a field of that.

    Outside of a graph there are no extras, and None stands for each.

    Args:
        injected: parameter -> kind.
        stand_ins: parameter -> what stands for a field that the graph's state has not.
        context: what the tool may know of its call.

    Raises:
        ToolFailed: the graph has not what the tool wants.
    """
    found = {name: injected_value(kind, context) for name, kind in injected.items()}
    for name, value in found.items():
        if value is MISSING:
            if name not in stand_ins:
                raise _not_there(context.tool, injected[name])
            found[name] = stand_ins[name]
    return found


def absent(hint: Any, default: Any) -> tuple[Any, ...]:
    """What stands for a missing value of this type: its default, or None where it may be that; nothing otherwise."""
    if default is not inspect.Parameter.empty:
        return (default,)
    return (None,) if _may_be_none(hint) else ()


def _may_be_none(hint: Any) -> bool:
    inner = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    return NoneType in get_args(inner)


MISSING: Final = object()
"""Stands for what the graph has not."""


def injected_value(kind: str, context: ToolContext) -> Any:
    """One value; MISSING when the graph's state has no such field, or the graph no store."""
    if kind == "context":
        return context
    if kind == "call_id":
        return context.call_id
    key, _, field = kind.partition(".")
    value = context.extras.get(key)
    if key == "store" and value is None and context.extras:
        return MISSING
    if not field or value is None:
        return value
    return value.get(field, MISSING) if isinstance(value, Mapping) else getattr(value, field, MISSING)


def _not_there(tool: str, kind: str) -> ToolFailed:
    key, _, field = kind.partition(".")
    if key == "store":
        return ToolFailed(
            f"Tool {tool!r} wants the store of its graph, which has none.",
            hint="Compile the graph with a store: `graph.compile(store=...)`.",
        )
    return ToolFailed(
        f"Tool {tool!r} wants {field!r} of the state of its graph, which has no such field.",
        hint="Add the field to the state, or give the parameter a default.",
    )


def make_validator(
    model: type[BaseModel], tool: str, *, names: Mapping[str, str], mask: Mask = False
) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    """A function from raw arguments to the keyword arguments of the tool; raises `ArgumentsInvalid`.

    Args:
        model: the argument model.
        tool: name of the tool, for the message.
        names: field name in the model -> parameter name.
        mask: what of the arguments no message may quote.
    """
    validate = model.__pydantic_validator__.validate_python
    fields = tuple((field, names.get(field, field)) for field in model.model_fields)
    known = tuple(info.alias or field for field, info in model.model_fields.items())
    renamed = any(field != parameter for field, parameter in fields)

    def check(args: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            valid = validate(args)
        except ValidationError as error:
            raise invalid(tool, known, mistakes_in(error, mask, args)) from error
        found: dict[str, Any] = valid.__dict__  # of a model made for this call alone
        return {parameter: found[field] for field, parameter in fields} if renamed else found

    def check_in_confidence(args: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            return check(args)
        except ArgumentsInvalid as error:
            failure: BaseException = error
            failure.__cause__ = failure.__context__ = None  # pydantic's own words, which quote them
        except Exception as error:  # noqa: BLE001 - outer guard: a validator of the author's may raise, and say, anything
            failure = without(error, hiding(texts_of(args, mask)))
        raise failure  # here, where the one that quotes the arguments is no part of it

    return check_in_confidence if hides(mask) else check


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


def _without_head(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without what a generated model says of itself."""
    return {key: value for key, value in schema.items() if key not in ("title", "description")}


def _result(hint: Any) -> tuple[Mapping[str, Any] | None, Mask]:
    """The result's JSON Schema and mask; a result type that JSON Schema cannot say is simply not described."""
    if hint is None or hint is inspect.Signature.empty or hint is Any:
        return None, False
    try:
        schema = TypeAdapter(hint).json_schema(mode="serialization", schema_generator=_WithoutTitles)
    except (PydanticSchemaGenerationError, PydanticUserError, TypeError):
        return None, _is_marked(hint)
    return plain(schema), make_mask(schema)


def _is_marked(hint: Any) -> bool:
    """Whether a type hint holds a `Sensitive`, wherever that is."""
    return hint is Sensitive or isinstance(hint, Sensitive) or any(map(_is_marked, get_args(hint)))


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__

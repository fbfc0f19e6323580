"""The argument schema of a function: what a model sees of signature and hints, and what arrives at the tool."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import InjectedToolCallId
from langgraph.prebuilt import InjectedState, ToolRuntime
from pydantic import BaseModel, Field

from toolcrib.core.calls import ToolContext
from toolcrib.core.decorator import tool
from toolcrib.core.tools import Tool
from toolcrib.tools.adapt import adapt
from toolcrib.tools.schema import SchemaError

CONTEXT = ToolContext(
    tool="t",
    call_id="c-7",
    release="r",
    extras={"state": {"messages": [1]}, "config": {"tags": []}, "runtime": "the runtime"},
)


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Address(BaseModel):
    street: str
    zip: Annotated[str, Field(pattern=r"^\d+$")] = "0"


class Order(BaseModel):
    id: int
    ship_to: Address
    notes: list[str] = []


@dataclass
class Point:
    x: int
    y: int = 0


def made(function: Callable[..., Any]) -> Tool:
    function.__doc__ = function.__doc__ or "Do."
    return adapt(tool(function))


def properties(function: Callable[..., Any]) -> dict[str, Any]:
    return dict(made(function).spec.args_schema["properties"])


def arrives(function: Callable[..., Any], /, **args: Any) -> Any:
    one = made(function)
    return one.run(one.validate(args), CONTEXT)


def everything(
    *,
    n: int,
    f: float,
    s: str,
    b: bool,
    either: int | str,
    maybe: str | None,
    choice: Literal["fast", "slow"],
    colour: Colour,
    order: Order,
    point: Point,
    items: list[int],
    table: dict[str, float],
    pair: tuple[int, str],
    tags: set[str],
    day: date,
    moment: datetime,
    wait: timedelta,
    price: Decimal,
    key: UUID,
    anything: Any,
    bounded: Annotated[int, Field(ge=1, le=5, description="One to five.")],
) -> dict[str, Any]:
    return locals()


def test_every_type_json_can_carry_has_its_schema() -> None:
    schema = made(everything).spec.args_schema
    assert schema["required"] == list(schema["properties"])
    assert schema["additionalProperties"] is False
    assert schema["properties"] == {
        "n": {"type": "integer"},
        "f": {"type": "number"},
        "s": {"type": "string"},
        "b": {"type": "boolean"},
        "either": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        "maybe": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "choice": {"enum": ["fast", "slow"], "type": "string"},
        "colour": {"$ref": "#/$defs/Colour"},
        "order": {"$ref": "#/$defs/Order"},
        "point": {"$ref": "#/$defs/Point"},
        "items": {"items": {"type": "integer"}, "type": "array"},
        "table": {"additionalProperties": {"type": "number"}, "type": "object"},
        "pair": {
            "maxItems": 2,
            "minItems": 2,
            "prefixItems": [{"type": "integer"}, {"type": "string"}],
            "type": "array",
        },
        "tags": {"items": {"type": "string"}, "type": "array", "uniqueItems": True},
        "day": {"format": "date", "type": "string"},
        "moment": {"format": "date-time", "type": "string"},
        "wait": {"format": "duration", "type": "string"},
        "price": schema["properties"]["price"],
        "key": {"format": "uuid", "type": "string"},
        "anything": {},
        "bounded": {"description": "One to five.", "maximum": 5, "minimum": 1, "type": "integer"},
    }
    assert {one["type"] for one in schema["properties"]["price"]["anyOf"]} == {"number", "string"}
    assert set(schema["$defs"]) == {"Address", "Colour", "Order", "Point"}
    assert schema["$defs"]["Order"]["required"] == ["id", "ship_to"]
    assert not {"title", "description"} & schema.keys()


def test_json_values_arrive_as_the_types_the_author_asked_for() -> None:
    got = arrives(
        everything,
        **{"n": "3", "f": 1, "s": "s", "b": "true", "either": "1", "maybe": None, "choice": "slow", "colour": "red"},
        **{"order": {"id": "7", "ship_to": {"street": "S"}}, "point": {"x": 1}, "items": ["1"], "table": {"a": "2"}},
        **{"pair": ["1", "b"], "tags": ["a", "a"], "day": "2024-02-29", "moment": "2024-02-29T12:00:00Z"},
        **{
            "wait": "P1DT2S",
            "price": "1.10",
            "key": str(UUID(int=1)),
            "anything": [1],
            "bounded": 5,
        },
    )
    assert got == {
        **{"n": 3, "f": 1.0, "s": "s", "b": True, "either": "1", "maybe": None, "choice": "slow", "colour": Colour.RED},
        **{"order": Order(id=7, ship_to=Address(street="S")), "point": Point(1), "items": [1], "table": {"a": 2.0}},
        **{"pair": (1, "b"), "tags": {"a"}, "day": date(2024, 2, 29)},
        **{"moment": datetime.fromisoformat("2024-02-29T12:00:00+00:00"), "wait": timedelta(days=1, seconds=2)},
        **{"price": Decimal("1.10"), "key": UUID(int=1), "anything": [1], "bounded": 5},
    }
    assert isinstance(got["f"], float)


def unannotated(a, b=1):  # type: ignore[no-untyped-def]  # what is tested
    return a, b


def test_a_parameter_nobody_annotated_takes_anything() -> None:
    assert properties(unannotated) == {"a": {}, "b": {"default": 1}}
    assert arrives(unannotated, a={"x": [1]}) == ({"x": [1]}, 1)


def with_defaults(a: int, b: str = "x", c: list[int] = [], *, d: bool = False, e: str | None = None) -> Any:  # noqa: B006
    return a, b, c, d, e


def test_defaults_are_shown_and_filled_in_and_never_shared() -> None:
    schema = made(with_defaults).spec.args_schema
    assert schema["required"] == ["a"]
    shown = {name: one.get("default", "none") for name, one in schema["properties"].items()}
    assert shown == {"a": "none", "b": "x", "c": [], "d": False, "e": None}
    first = arrives(with_defaults, a=1)
    assert first == (1, "x", [], False, None)
    first[2].append(1)
    assert arrives(with_defaults, a=1)[2] == []


def with_fields(
    *,
    a: int = Field(3, ge=1, description="At least one."),
    b: list[int] = Field(default_factory=list),  # noqa: B008  # what is tested
    c: str = Field(description="Needed."),
    d: Annotated[list[int], Field(default_factory=list)],
) -> Any:
    return a, b, c, d


def test_a_pydantic_field_as_default_is_a_description_not_a_value() -> None:
    schema = made(with_fields).spec.args_schema
    assert schema["required"] == ["c"]
    assert schema["properties"]["a"] == {"default": 3, "description": "At least one.", "minimum": 1, "type": "integer"}
    assert schema["properties"]["c"]["description"] == "Needed."
    assert arrives(with_fields, c="x") == (3, [], "x", [])


def reserved(
    *, _hidden: int, schema: int, copy: int, json: int, model_config: int, field_copy: int, validate: int
) -> Any:
    return _hidden, schema, copy, json, model_config, field_copy, validate


def test_names_that_pydantic_keeps_for_itself_are_names_like_any_other() -> None:
    names = ["_hidden", "schema", "copy", "json", "model_config", "field_copy", "validate"]
    assert list(properties(reserved)) == names
    assert arrives(reserved, **dict(zip(names, range(7), strict=True))) == (0, 1, 2, 3, 4, 5, 6)


def aliased(number: Annotated[int, Field(alias="n")]) -> int:
    return number


def test_an_alias_is_the_models_name_for_a_parameter() -> None:
    assert list(properties(aliased)) == ["n"]
    assert arrives(aliased, n=3) == 3


def described(a: int, b: Annotated[int, Field(description="from the hint")], c: Annotated[int, Field(ge=0)]) -> None:
    """Do.

    Args:
        a: from the docstring
        b: overruled
        c: from the docstring too
        d: nobody
    """


def test_the_docstring_describes_what_the_hint_does_not() -> None:
    texts = {name: one.get("description") for name, one in properties(described).items()}
    assert texts == {"a": "from the docstring", "b": "from the hint", "c": "from the docstring too"}


# Injection.


def wants_all(
    *,
    x: int,
    context: ToolContext,
    maybe: ToolContext | None,
    noted: Annotated[ToolContext | None, "who calls"],
    state: Annotated[dict[str, Any], InjectedState],
    whole: Annotated[dict[str, Any], InjectedState()],
    messages: Annotated[list[int], InjectedState("messages")],
    absent: Annotated[list[int] | None, InjectedState("absent")],
    call_id: Annotated[str, InjectedToolCallId],
    runtime: ToolRuntime,
    config: RunnableConfig,
) -> dict[str, Any]:
    return locals()


def test_injected_parameters_are_filled_in_and_unknown_to_the_model() -> None:
    assert list(properties(wants_all)) == ["x"]
    assert made(wants_all).spec.args_schema.get("$defs") is None
    state = {"messages": [1]}
    assert arrives(wants_all, x=1) == {
        **{"x": 1, "context": CONTEXT, "maybe": CONTEXT, "noted": CONTEXT, "state": state, "whole": state},
        **{"messages": [1], "absent": None, "call_id": "c-7", "runtime": "the runtime", "config": {"tags": []}},
    }
    assert made(wants_all).injects == {"context", "state", "call_id", "runtime", "config"}


@pytest.mark.parametrize("name", ["context", "maybe", "noted", "state", "messages", "call_id", "runtime", "config"])
def test_a_model_that_sends_an_injected_argument_is_refused(name: str) -> None:
    with pytest.raises(Exception, match=f"{name}: there is no such argument"):
        arrives(wants_all, x=1, **{name: "forged"})


# What cannot be a tool.


class Connection: ...


def star(*args: int) -> None: ...
def double_star(**kwargs: int) -> None: ...
def positional(a: int, /) -> None: ...
def star_context(*context: ToolContext) -> None: ...
def positional_context(context: ToolContext, /) -> None: ...
def unknown(a: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821  # what is tested
def unknown_part(a: date.nowhere) -> None: ...  # type: ignore[name-defined]  # what is tested
def no_hint(a: "int ]") -> None: ...  # type: ignore[valid-type]  # noqa: F722  # what is tested
def not_json(a: Callable[[], int]) -> None: ...
def not_json_either(a: Connection) -> None: ...


def generates() -> Any:
    yield 1


async def generates_too() -> Any:
    yield 1


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (star, r"parameter \*args: 'int' cannot be filled in by name"),
        (double_star, r"parameter \*\*kwargs: 'int' cannot"),
        (positional, "parameter a: 'int' cannot"),
        (star_context, r"parameter \*context: 'ToolContext' cannot"),
        (positional_context, "parameter context: 'ToolContext' cannot"),
        (unknown, "type hint not known: name 'Nowhere' is not defined"),
        (unknown_part, "type hint not known: type object 'datetime.date' has no attribute 'nowhere'"),
        (no_hint, "Forward reference must be an expression"),
        (generates, "a generator has no one result"),
        (generates_too, "a generator has no one result"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_a_model_cannot_fill_in_or_read_is_refused_with_the_way_out(
    function: Callable[..., Any], message: str
) -> None:
    with pytest.raises(SchemaError, match=message) as caught:
        made(function)
    assert caught.value.hint


@pytest.mark.parametrize("function", [not_json, not_json_either])
def test_a_type_json_cannot_carry_is_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(SchemaError) as caught:
        made(function)
    assert caught.value.hint == "Use types that JSON can carry, or have the value injected."


# Results.


def gives_order() -> Order: ...  # type: ignore[empty-body]  # never called
def gives_list() -> list[int]: ...  # type: ignore[empty-body]  # never called
def gives_none() -> None: ...
def gives_any() -> Any: ...
def gives_callable() -> Callable[[], int]: ...  # type: ignore[empty-body]  # never called


def test_an_annotated_result_has_a_schema_if_json_schema_can_say_it() -> None:
    order = made(gives_order).spec.result_schema
    assert order is not None
    assert order["properties"]["id"] == {"type": "integer"}
    assert made(gives_list).spec.result_schema == {"items": {"type": "integer"}, "type": "array"}
    for function in (gives_none, gives_any, gives_callable):
        assert made(function).spec.result_schema is None

"""Type hints as JSON Schema: the same text for the same meaning, another one for another."""

import dataclasses
import operator
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import partial
from typing import Annotated, Any, Literal, NewType, NotRequired, Optional, Required, Union

import pytest
from langchain_core.messages import AIMessage
from langgraph.graph.message import add_messages
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from toolcrib.agents.shape.types import name_of, schema_of

UserId = NewType("UserId", int)
OURS = "_toolcrib.r_0123456789abcdef.graphs.orders"


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


class Address(TypedDict, total=False):
    street: str
    city: Required[str]


class Item(BaseModel):
    name: Annotated[str, Field(min_length=1)]
    count: int = 1


@dataclasses.dataclass
class Order:
    items: list[Item]
    to: Address
    size: Size = Size.SMALL
    parent: "Order | None" = None


class Plain:
    pass


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """The classes here as those of a project, which are told by their fields."""
    for one in (Size, Address, Item, Order, Plain):
        monkeypatch.setattr(one, "__module__", OURS)
        monkeypatch.setitem(__import__("sys").modules, OURS, __import__("sys").modules[__name__])


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        (int, {"type": "integer"}),
        (bool, {"type": "boolean"}),
        (None, {"type": "null"}),
        (Any, {}),
        (object, {}),
        (UserId, {"type": "integer"}),
        (Annotated[int, operator.add], {"type": "integer"}),
        (NotRequired[str], {"type": "string"}),
        (list, {"type": "array", "items": {}}),
        (Sequence[int], {"type": "array", "items": {"type": "integer"}}),
        (set[int], {"type": "array", "items": {"type": "integer"}, "uniqueItems": True}),
        (tuple[int, ...], {"type": "array", "items": {"type": "integer"}, "format": "tuple"}),
        (
            tuple[int, str],
            {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "format": "tuple"},
        ),
        (dict, {"type": "object", "additionalProperties": {}}),
        (Mapping[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (
            dict[int, str],
            {"type": "object", "additionalProperties": {"type": "string"}, "propertyNames": {"type": "integer"}},
        ),
        (Literal["a", 1], {"enum": ["a", 1]}),
        (AIMessage, {"class": "langchain_core.AIMessage"}),
        (Plain, {"class": "tests.Plain"}),
    ],
)
def test_hints_of_python_are_schemas(hint: Any, schema: dict[str, Any]) -> None:
    assert schema_of(hint) == schema


def test_the_order_of_a_union_says_nothing() -> None:
    spellings = [int | None, None | int, Optional[int], Union[None, int]]  # noqa: UP007, UP045 - what users write
    assert {str(schema_of(hint)) for hint in spellings} == {
        "{'anyOf': [{'type': 'integer'}, {'type': 'null'}]}",
    }


@pytest.mark.usefixtures("ours")
def test_classes_of_the_project_are_told_by_their_fields() -> None:
    item = {
        "class": "graphs.orders.Item",
        "type": "object",
        "properties": {
            "name": {"type": "string", "constraints": ["MinLen(min_length=1)"]},
            "count": {"type": "integer"},
        },
        "required": ["name"],
    }
    address = {
        "type": "object",
        "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        "required": ["city"],
    }
    assert schema_of(Order) == {
        "class": "graphs.orders.Order",
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": item},
            "to": address,
            "size": {"class": "graphs.orders.Size", "enum": ["s", "l"]},
            "parent": {"anyOf": [{"class": "graphs.orders.Order"}, {"type": "null"}]},
        },
        "required": ["items", "to"],
    }
    assert schema_of(Plain) == {"class": "graphs.orders.Plain"}


@pytest.mark.usefixtures("ours")
def test_a_class_whose_hints_lead_nowhere_is_told_by_its_name() -> None:
    lost = type("Lost", (), {"__annotations__": {"x": "Nowhere"}, "__module__": OURS})
    assert schema_of(dataclasses.dataclass(lost)) == {"class": "graphs.orders.Lost"}


def test_names_hold_no_digest_no_address_and_nothing_an_upgrade_moves() -> None:
    assert name_of(add_messages) == "langgraph._add_messages"
    assert name_of(operator.add) == "_operator.add"
    assert name_of(partial(max, default=Plain)).startswith("functools.partial(<built-in function max>")
    assert " at 0x" not in name_of(partial(test_the_order_of_a_union_says_nothing))


@pytest.mark.usefixtures("ours")
def test_functions_of_the_project_are_named_as_their_author_names_them() -> None:
    def merge() -> None: ...

    merge.__module__, merge.__qualname__ = OURS, "merge"
    assert name_of(merge) == "graphs.orders.merge"

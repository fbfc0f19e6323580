"""Masks: read from the marks in a JSON Schema, hiding rather too much than too little."""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretBytes, SecretStr, TypeAdapter
from typing_extensions import TypedDict

from toolcrib import Sensitive
from toolcrib.core.redaction import Mask, fields_of, is_covered, make_mask, plain, unknown_field


class Card(BaseModel):
    number: Annotated[str, Sensitive()]
    holder: str = ""


class Cash(BaseModel):
    amount: int


class Loose(BaseModel):
    model_config = ConfigDict(extra="allow")
    number: Annotated[str, Sensitive]


@dataclass
class Address:
    street: Annotated[str, Sensitive]
    city: str


class Person(TypedDict):
    name: str
    born: Annotated[int, Sensitive()]


class Tree(BaseModel):
    leaf: Annotated[str, Sensitive()]
    kind: str = ""
    branches: list["Tree"] = []


class Folder(BaseModel):
    name: str = ""
    files: list["File"] = []
    folders: list["Folder"] = []


class File(BaseModel):
    key: Annotated[str, Sensitive()]
    folder: Folder | None = None


class Colour(Enum):
    RED = "red"


def schema_of(hint: Any) -> dict[str, Any]:
    return TypeAdapter(hint).json_schema()


def mask_of(hint: Any, *paths: str) -> Mask:
    return make_mask(schema_of(hint), paths)


CARD: Mask = {"*": True, "number": True, "holder": False}


@pytest.mark.parametrize(
    ("hint", "mask"),
    [
        (str, False),
        (Any, False),
        (dict, False),
        (Cash, False),
        (Colour, False),
        (SecretStr, True),
        (SecretBytes | None, True),
        (Annotated[str, Sensitive()], True),
        (Annotated[str, Sensitive], True),
        (Annotated[str | None, Sensitive()], True),
        (Annotated[str, Sensitive()] | None, True),
        (Annotated[Any, Sensitive()], True),
        (Annotated[Card, Sensitive()], True),
        (Annotated[int, Field(gt=3), Sensitive(), Field(lt=9)], True),
        (list[Annotated[str, Sensitive()]], True),
        (tuple[str, Annotated[str, Sensitive()]], True),
        (set[SecretStr], True),
        (dict[Annotated[str, Sensitive()], int], True),
        (dict[Annotated[Colour, Sensitive()], int], True),
        (dict[str, Annotated[str, Sensitive()]], {"*": True}),
        (Card, CARD),
        (Card | None, CARD),
        (list[Card], CARD),
        (tuple[Card, int], CARD),
        (dict[str, Card], {"*": CARD}),
        (Card | dict[str, int], CARD),
        (Cash | dict[str, SecretStr], {"*": True, "amount": True}),
        (Cash | dict[str, int] | str, False),
        (Card | Cash, {"*": True, "number": True, "holder": False, "amount": False}),
        (Address, {"*": True, "street": True, "city": False}),
        (Person, {"*": True, "name": False, "born": True}),
    ],
)
def test_a_mask_says_what_the_marks_of_a_type_say(hint: Any, mask: Mask) -> None:
    assert mask_of(hint) == mask


def test_a_value_is_hidden_when_one_of_the_types_it_may_have_hides_it() -> None:
    class Note(BaseModel):
        number: str

    assert mask_of(Card | Note) == CARD


def test_names_that_a_type_allows_without_knowing_them_are_hidden_beside_a_sensitive_field() -> None:
    assert mask_of(Loose) == {"*": True, "number": True}


def test_what_contains_itself_is_hidden_from_the_second_level_on() -> None:
    assert mask_of(Tree) == {"*": True, "leaf": True, "kind": False, "branches": True}


def test_what_contains_itself_by_way_of_another_is_hidden_too() -> None:
    mask = mask_of(Folder)
    assert isinstance(mask, dict)
    assert mask["name"] is False
    assert mask["files"] == {"*": True, "key": True, "folder": True}
    assert mask["folders"] is True


def test_what_contains_itself_and_has_nothing_to_hide_is_shown() -> None:
    class Plain(BaseModel):
        name: str = ""
        inner: list["Plain"] = []

    class Both(BaseModel):
        plain: Plain
        secret: SecretStr

    assert mask_of(Plain) is False
    assert mask_of(Both) == {"*": True, "plain": False, "secret": True}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"pin": {"type": "string", "format": "password"}}},
        {"type": "object", "properties": {"pin": {"type": "string", "writeOnly": True}}},
        {"type": "object", "allOf": [{"properties": {"pin": {"writeOnly": True}}}]},
        {"type": "object", "if": {}, "then": {"properties": {"pin": {"writeOnly": True}}}},
        {"type": "object", "dependentSchemas": {"pin": {"properties": {"pin": {"writeOnly": True}}}}},
        {"properties": {"pin": {"$ref": "#/definitions/a~1b"}}, "definitions": {"a/b": {"writeOnly": True}}},
    ],
)
def test_schemas_written_by_hand_are_understood(schema: dict[str, Any]) -> None:
    assert make_mask(schema) == {"*": True, "pin": True}


@pytest.mark.parametrize("reference", ["https://example.com/schema", "#/nowhere", "#", "other.json#/x"])
def test_a_reference_that_leads_nowhere_hides_nothing_by_itself(reference: str) -> None:
    schema = {"properties": {"a": {"$ref": reference}, "pin": {"writeOnly": True}}}
    mask = make_mask(schema)
    assert isinstance(mask, dict)
    assert mask["pin"] is True
    assert mask["a"] is False


def test_patterns_of_names_say_what_other_names_hold() -> None:
    schema = {"patternProperties": {"^x-": {"writeOnly": True}}, "properties": {"a": {"type": "string"}}}
    assert make_mask(schema) == {"a": False, "*": True}


def test_paths_hide_fields_that_no_mark_names() -> None:
    class Order(BaseModel):
        card: Card
        cash: Cash
        rows: list[Cash]
        note: dict[str, Any]
        rest: Any

    mask = mask_of(Order, "cash.amount", "rows.amount", "note.iban", "rest")
    assert mask == {
        "*": True,
        "card": CARD,
        "cash": {"*": True, "amount": True},
        "rows": {"*": True, "amount": True},
        "note": {"*": False, "iban": True},
        "rest": True,
    }


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("card", None),
        ("card.number", None),
        ("card.numbr", ("numbr", ("number", "holder"))),
        ("crd", ("crd", ("card", "rows", "note", "text", "secret", "tree"))),
        ("rows.amount", None),
        ("rows.amount.cents", ("cents", ())),
        ("note.anything.at.all", None),
        ("text.inner", ("inner", ())),
        ("secret.inner", None),
        ("tree.branches.branches.leaf", None),
        ("", ("", ("card", "rows", "note", "text", "secret", "tree"))),
    ],
)
def test_a_path_is_known_as_far_as_the_schema_knows_its_names(path: str, found: Any) -> None:
    class Order(BaseModel):
        card: Card
        rows: list[Cash]
        note: dict[str, Any]
        text: str
        secret: SecretStr
        tree: Tree

    assert unknown_field(schema_of(Order), path) == found


def test_a_model_reads_of_sensitive_fields_as_of_any_others() -> None:
    class Plain(BaseModel):
        card: str = Field(description="the card")
        pin: str
        when: str = Field(json_schema_extra={"format": "date"})
        writeOnly: bool  # a field that is called like the mark

    class Marked(BaseModel):
        card: Annotated[str, Sensitive()] = Field(description="the card", examples=["4111"])
        pin: SecretStr = Field(default=SecretStr("0000"))
        when: Annotated[str, Sensitive()] = Field(json_schema_extra={"format": "date"})
        writeOnly: bool

    marked, wanted = plain(schema_of(Marked)), schema_of(Plain)
    assert marked["properties"] == wanted["properties"]
    assert plain(schema_of(Tree | Card)) == plain(plain(schema_of(Tree | Card)))
    assert "writeOnly" not in str(plain(schema_of(Tree | Card)))


@pytest.mark.parametrize(
    ("mask", "by", "covered"),
    [
        (False, False, True),
        (True, False, False),
        (True, True, True),
        (CARD, True, True),
        (CARD, False, False),
        (True, CARD, False),
        (CARD, {"*": True, "number": True}, True),
        (CARD, {"*": False, "number": True}, False),
        (CARD, {"*": True, "number": False}, False),
    ],
)
def test_a_mask_is_covered_by_one_that_hides_at_least_as_much(mask: Mask, by: Mask, covered: bool) -> None:
    assert is_covered(mask, by) is covered


@pytest.mark.parametrize(
    ("mask", "names"),
    [
        (False, []),
        (True, ["*"]),
        (CARD, ["number"]),
        ({"*": {"*": True}}, ["*.*"]),
        ({"*": True, "card": CARD, "pin": True, "text": False}, ["card.number", "pin"]),
    ],
)
def test_people_read_a_mask_as_dotted_names(mask: Mask, names: list[str]) -> None:
    assert list(fields_of(mask)) == names

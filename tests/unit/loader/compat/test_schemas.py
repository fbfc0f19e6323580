"""Whether one JSON Schema takes all that another one takes."""

from typing import Any

import pytest

from toolcrib.loader.compat.schemas import covers

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
MAYBE: Schema = {"anyOf": [TEXT, {"type": "null"}]}
PAIR: Schema = {"type": "object", "properties": {"a": WHOLE, "b": TEXT}, "required": ["a"]}
TREE: Schema = {
    "$ref": "#/$defs/Node",
    "$defs": {
        "Node": {
            "type": "object",
            "properties": {"value": WHOLE, "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}},
            "required": ["value"],
        }
    },
}

# the wider one, the narrower one
WIDER: list[tuple[Schema, Schema]] = [
    ({}, TEXT),
    ({}, {}),
    (MAYBE, TEXT),
    ({"type": ["string", "null"]}, TEXT),
    ({"type": ["string", "null"]}, MAYBE),
    ({"type": "number"}, WHOLE),
    ({"type": "number"}, {"enum": [1, 2]}),
    (TEXT, {"enum": ["a", "b"]}),
    (TEXT, {"const": "a"}),
    ({"enum": ["a", "b", "c"]}, {"enum": ["c", "a"]}),
    ({"enum": ["a", 1]}, {"const": 1}),
    (TEXT, {"enum": []}),
    ({"type": "integer", "minimum": 1}, {"type": "integer", "minimum": 2}),
    ({"type": "integer", "maximum": 9}, {"type": "integer", "minimum": 2, "maximum": 9}),
    (TEXT, {"type": "string", "minLength": 3, "pattern": "x"}),
    ({"type": "string", "format": "date"}, {"type": "string", "format": "date", "maxLength": 3}),
    ({"type": "array"}, {"type": "array", "items": TEXT}),
    ({"type": "array", "items": MAYBE}, {"type": "array", "items": TEXT, "maxItems": 4}),
    ({"type": "array", "items": MAYBE}, {"type": "array", "prefixItems": [TEXT, {"type": "null"}]}),
    ({"type": "array", "prefixItems": [MAYBE, TEXT]}, {"type": "array", "prefixItems": [TEXT, TEXT]}),
    ({**PAIR, "properties": {**PAIR["properties"], "c": TEXT}}, PAIR),
    ({**PAIR, "required": []}, PAIR),
    ({"type": "object"}, PAIR),
    ({"type": "object", "additionalProperties": WHOLE}, {"type": "object", "properties": {"a": WHOLE}}),
    ({"type": "object", "additionalProperties": {"type": ["integer", "string"]}}, PAIR),
    ({"type": "object", "additionalProperties": MAYBE}, {"type": "object", "additionalProperties": TEXT}),
    ({"anyOf": [WHOLE, TEXT, PAIR]}, {"anyOf": [PAIR, WHOLE]}),
    ({"allOf": [MAYBE]}, TEXT),
    ({"type": "object", "constraints": ["a"]}, {"type": "object", "constraints": ["a", "b"]}),
    ({**TEXT, "title": "other", "description": "words", "default": 3}, TEXT),
    ({"class": "tools.x.Order"}, {"class": "tools.x.Order"}),
    (TREE, TREE),
    ({}, {"not": {}}),
]
# neither takes all of the other
APART: list[tuple[Schema, Schema]] = [
    (TEXT, WHOLE),
    ({"enum": ["a", "b"]}, {"enum": ["b", "c"]}),
    ({"enum": [1]}, {"enum": [True]}),
    ({"type": "integer", "minimum": 1}, {"type": "integer", "maximum": 1}),
    ({"type": "string", "format": "date"}, {"type": "string", "format": "time"}),
    ({"class": "tools.x.Order"}, {"class": "tools.x.Bill"}),
    ({"class": "tools.x.Kind", "enum": ["a"]}, {"class": "tools.x.Sort", "enum": ["a"]}),
    ({"type": "array", "prefixItems": [TEXT]}, {"type": "array", "prefixItems": [TEXT, TEXT]}),
    ({"type": "object", "properties": {"a": WHOLE}}, {"type": "object", "properties": {"b": WHOLE}}),
    ({"$ref": "#/$defs/Nowhere"}, TEXT),
]


@pytest.mark.parametrize(("wide", "narrow"), WIDER)
def test_the_wider_schema_takes_all_of_the_narrower(wide: Schema, narrow: Schema) -> None:
    assert covers(wide, narrow, of=(wide, narrow))


SAME = [pair for pair in WIDER if pair[0] == pair[1] or "title" in pair[0] or pair[1] == MAYBE]


@pytest.mark.parametrize(("wide", "narrow"), [pair for pair in WIDER if pair not in SAME and "allOf" not in pair[0]])
def test_the_narrower_schema_does_not_take_all_of_the_wider(wide: Schema, narrow: Schema) -> None:
    assert not covers(narrow, wide, of=(narrow, wide))


@pytest.mark.parametrize(("one", "other"), [*APART, *((b, a) for a, b in APART)])
def test_schemas_that_are_apart_take_nothing_of_each_other(one: Schema, other: Schema) -> None:
    assert not covers(one, other, of=(one, other))


def test_a_recursive_schema_is_compared_with_a_changed_one() -> None:
    node = TREE["$defs"]["Node"]
    more = {**node, "properties": {**node["properties"], "label": TEXT}}
    wider = {"$ref": "#/$defs/Node", "$defs": {"Node": more}}
    stricter = {"$ref": "#/$defs/Node", "$defs": {"Node": {**more, "required": ["value", "label"]}}}
    assert covers(wider, TREE, of=(wider, TREE))
    assert not covers(stricter, TREE, of=(stricter, TREE))
    assert not covers(TREE, wider, of=(TREE, wider))


def test_references_that_lead_nowhere_or_in_a_circle_end() -> None:
    circle = {"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}}
    assert covers(circle, circle, of=(circle, circle))
    assert not covers(circle, TEXT, of=(circle, TEXT))
    assert not covers(TEXT, circle, of=(TEXT, circle))


@pytest.mark.parametrize(
    "strange",
    [
        {"type": "integer", "minimum": "two"},
        {"anyOf": 3},
        {"properties": []},
        {"required": 7},
        {"$ref": 4},
        {"enum": 1},
    ],
)
def test_what_is_no_schema_is_not_taken_for_one(strange: Any) -> None:
    assert covers(strange, {"type": "integer", "minimum": 3, "required": [], "properties": {}}) in (True, False)
    assert not covers(WHOLE, strange) or strange == {"type": "integer", "minimum": "two"}

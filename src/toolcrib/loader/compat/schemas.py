"""Whether one JSON Schema takes every value that another one takes, as far as the schemas of tools and states go."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

Schema = Mapping[str, Any]

_WORDS = frozenset(
    {
        *("title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment"),
        *("$defs", "definitions", "discriminator"),
    }
)
"""Keywords that say nothing of which values are valid."""
_NAMES_OF_TYPES = MappingProxyType[type, str](
    {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null", list: "array", dict: "object"}
)
_NOTHING = (MappingProxyType[str, Any]({}), MappingProxyType[str, Any]({}))


class _Definitions(NamedTuple):
    """Where the references of the two schemas lead, and which pairs of them are being compared already."""

    newer: Schema
    older: Schema
    met: frozenset[tuple[int, int]] = frozenset()


def covers(newer: Schema | bool, older: Schema | bool, *, of: tuple[Schema, Schema] = _NOTHING) -> bool:
    """Whether every value that fits `older` fits `newer` too; False also where that cannot be told.

    An object is taken to hold the properties that its schema names and no others, since senders go by the schema.

    Args:
        newer: a schema, or a part of one.
        older: another one.
        of: the schemas these are parts of, for references.
    """
    try:
        mine, theirs = ({**one.get("definitions", {}), **one.get("$defs", {})} for one in of)
        return _covers(newer, older, _Definitions(mine, theirs))
    except (AttributeError, RecursionError, TypeError, ValueError):  # somebody wrote it by hand, and it is no schema
        return False


def _covers(newer: Schema | bool, older: Schema | bool, defs: _Definitions) -> bool:
    mine, theirs = _followed(_schema(newer), defs.newer), _followed(_schema(older), defs.older)
    if mine is not newer or theirs is not older:
        pair = (id(mine), id(theirs))
        if pair in defs.met:
            return True  # met within itself: it holds if all else does
        defs = defs._replace(met=defs.met | {pair})
    bare, given = _bare(mine), _bare(theirs)
    if not bare or given == {"not": {}}:
        return True
    if branches := _branches(given):
        return all(_covers(mine, branch, defs) for branch in branches)
    if branches := _branches(bare):
        return any(_covers(branch, theirs, defs) for branch in branches)
    if "enum" in given:
        return _covers_value(bare, given, defs)
    return _typed(bare, given) and all(_KEYWORDS.get(key, _same)(bare, given, key, defs) for key in bare)


def _covers_value(newer: Schema, older: Schema, defs: _Definitions) -> bool:
    """The same where the older one is one value, or none; without a list of values every value of its type must fit."""
    rest = {key: it for key, it in older.items() if key not in ("enum", "type")}
    if not older["enum"]:
        return True
    (value,) = older["enum"]
    if "enum" not in newer:
        return _covers(newer, {**rest, "type": _NAMES_OF_TYPES.get(type(value))}, defs)
    found = any(type(value) is type(one) and value == one for one in newer["enum"])
    return found and _covers({key: it for key, it in newer.items() if key not in ("enum", "type")}, rest, defs)


def _schema(value: Schema | bool) -> Schema:
    if isinstance(value, bool):
        return {} if value else {"not": {}}
    return value


def _followed(schema: Schema, defs: Schema) -> Schema:
    """What a reference leads to: the schema itself, so that it can be known again."""
    met: set[str] = set()
    while "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        beside = {key: value for key, value in schema.items() if key != "$ref" and key not in _WORDS}
        target = {"unknown": schema["$ref"]} if name in met else defs.get(name, {"unknown": schema["$ref"]})
        schema = {**target, **beside} if beside else target
        met.add(name)
    return schema


def _bare(schema: Schema) -> dict[str, Any]:
    """The schema without its words, and in one spelling."""
    bare = {key: value for key, value in schema.items() if key not in _WORDS}
    if "const" in bare:
        bare["enum"] = [bare.pop("const")]
    return bare


def _branches(schema: Schema) -> list[Schema]:
    """The schemas of which one has to fit, where there are several; a list of values or types is one of these."""
    for key in ("anyOf", "oneOf", "allOf"):
        choices = schema.get(key)
        if choices and (key != "allOf" or len(choices) == 1):
            rest = {name: value for name, value in schema.items() if name != key}
            return [{**rest, **_schema(choice)} if rest else _schema(choice) for choice in choices]
    if isinstance(kinds := schema.get("type"), list):
        return [{**schema, "type": kind} for kind in kinds]
    if len(values := schema.get("enum", ())) > 1:
        return [{**schema, "enum": [value]} for value in values]
    return []


def _typed(newer: Schema, older: Schema) -> bool:
    wanted, given = newer.get("type"), older.get("type")
    return wanted is None or wanted == given or (wanted, given) == ("number", "integer")


def _same(newer: Schema, older: Schema, key: str, defs: _Definitions) -> bool:
    """For keywords of which nothing more is known: both say the same."""
    return key in older and newer[key] == older[key]


def _type(newer: Schema, older: Schema, key: str, defs: _Definitions) -> bool:
    """Compared before."""
    return True


def _none(newer: Schema, older: Schema, key: str, defs: _Definitions) -> bool:
    """`enum`: the older one is no list of values."""
    return False


def _low(newer: Schema, older: Schema, key: str, defs: _Definitions) -> bool:
    return key in older and older[key] >= newer[key]


def _high(newer: Schema, older: Schema, key: str, defs: _Definitions) -> bool:
    return key in older and older[key] <= newer[key]


def _all_in_older(newer: Schema, older: Schema, key: str, defs: _Definitions) -> bool:
    return set(newer[key]) <= set(older.get(key, ()))


def _items(newer: Schema, older: Schema, key: str, defs: _Definitions) -> bool:
    first = older.get("prefixItems", ())
    rest = _covers(newer["items"], older.get("items", not first), defs)
    return rest and ("prefixItems" in newer or all(_covers(newer["items"], one, defs) for one in first))


def _prefix(newer: Schema, older: Schema, key: str, defs: _Definitions) -> bool:
    wanted: Sequence[Schema] = newer[key]
    given: Sequence[Schema] = older.get(key, ())
    return len(wanted) == len(given) and all(
        _covers(mine, theirs, defs) for mine, theirs in zip(wanted, given, strict=True)
    )


def _properties(newer: Schema, older: Schema, key: str, defs: _Definitions) -> bool:
    """Every property of the older one is known to the newer one; a mapping of any names has none that are known."""
    known, given = newer[key], older.get("properties")
    if given is None:
        return older.get("additionalProperties") is False
    return all(name in known and _covers(known[name], schema, defs) for name, schema in given.items())


def _additional(newer: Schema, older: Schema, key: str, defs: _Definitions) -> bool:
    """What the newer one says of names it does not know holds for those that the older one does."""
    known, given = newer.get("properties", {}), older.get("properties", {})
    others = older.get("additionalProperties", not given)
    unknown = [schema for name, schema in given.items() if name not in known]
    return _covers(newer[key], others, defs) and all(_covers(newer[key], schema, defs) for schema in unknown)


_KEYWORDS = MappingProxyType[str, Callable[[Schema, Schema, str, _Definitions], bool]](
    {
        "type": _type,
        "enum": _none,
        **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), _low),
        **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), _high),
        **dict.fromkeys(("required", "constraints"), _all_in_older),
        "items": _items,
        "prefixItems": _prefix,
        "properties": _properties,
        "additionalProperties": _additional,
    }
)

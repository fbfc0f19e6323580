"""JSON schema as far as tools use it: references, null unions, enumerations, bounds; and checking a value."""

import re
from collections.abc import Mapping
from math import inf
from typing import Any

from toolcrib.agents.offline.extract.numbers import find_numbers, tidy

_DEEPEST = 8


def resolve(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    """A schema without references, null branches and single-branch unions; the outer words win."""
    if depth > _DEEPEST:
        return dict(schema)
    if "$ref" in schema:
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        return {**resolve(_at(str(schema["$ref"]), root), root, depth + 1), **rest}
    for key in ("anyOf", "oneOf", "allOf"):
        if isinstance(schema.get(key), list):
            branches = [one for one in schema[key] if isinstance(one, Mapping) and one.get("type") != "null"]
            rest = {name: value for name, value in schema.items() if name != key}
            return {**_one_of([resolve(one, root, depth + 1) for one in branches]), **rest}
    plain = dict(schema)
    if isinstance(plain.get("type"), list):
        types = [one for one in plain["type"] if one != "null"]
        plain["type"] = types[0] if types else "string"
    if "const" in plain:
        plain["enum"] = [plain["const"]]
    if isinstance(plain.get("enum"), list):
        plain["enum"] = [one for one in plain["enum"] if one is not None]
    return plain


def _one_of(branches: list[dict[str, Any]]) -> dict[str, Any]:
    if branches and all("enum" in one for one in branches):
        members = [member for one in branches for member in one["enum"]]
        return {**branches[0], "enum": members}
    for wanted in ("number", "integer", "array", "object"):
        for one in branches:
            if one.get("type") == wanted:
                return one
    return branches[0] if branches else {}


def _at(reference: str, root: Mapping[str, Any]) -> Mapping[str, Any]:
    node: Any = root
    for part in reference.removeprefix("#").strip("/").split("/"):
        node = node.get(part, {}) if isinstance(node, Mapping) else {}
    return node if isinstance(node, Mapping) else {}


def type_of(schema: Mapping[str, Any]) -> str:
    """The JSON type of a resolved schema; guessed from its other words when it names none."""
    stated = schema.get("type")
    if isinstance(stated, str):
        return stated
    if "properties" in schema:
        return "object"
    if "items" in schema:
        return "array"
    members = schema.get("enum")
    if isinstance(members, list) and members and all(isinstance(one, int) for one in members):
        return "integer"
    return "string"


def fit(value: Any, schema: Mapping[str, Any]) -> Any:
    """The value in the schema's type, or None when it does not hold for the schema."""
    made: Any
    match type_of(schema):
        case "integer" | "number":
            made = _number(value, schema)
        case "string":
            made = _string(value, schema)
        case "boolean":
            made = value if isinstance(value, bool) else None
        case "array":
            made = _array(value, schema)
        case "object":
            made = value if isinstance(value, Mapping) else None
        case _:
            made = value
    members = schema.get("enum")
    if isinstance(members, list) and made not in members:
        return next((one for one in members if _same(one, made)), None)
    return made


def _same(member: Any, value: Any) -> bool:
    return isinstance(member, str) and isinstance(value, str) and member.lower() == value.lower()


def _number(value: Any, schema: Mapping[str, Any]) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value.replace(",", "").lstrip("#"))
        except ValueError:
            found = find_numbers(value)
            value = found[0].value if len(found) == 1 else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value in (float("inf"), float("-inf")):
        return None
    made = tidy(value)
    if type_of(schema) == "integer" and not isinstance(made, int):
        return None
    return made if _in_bounds(made, schema) else None


def _in_bounds(value: float, schema: Mapping[str, Any]) -> bool:
    def bound(key: str, otherwise: float) -> float:
        stated = schema.get(key)
        return stated if isinstance(stated, (int, float)) and not isinstance(stated, bool) else otherwise

    low, high = bound("minimum", -inf), bound("maximum", inf)
    return low <= value <= high and bound("exclusiveMinimum", -inf) < value < bound("exclusiveMaximum", inf)


def _string(value: Any, schema: Mapping[str, Any]) -> str | None:
    if isinstance(value, (bool, Mapping, list, tuple)) or value is None:
        return None
    made = str(value)
    pattern = schema.get("pattern")
    if isinstance(pattern, str):
        for form in (made, made.upper(), made.lower()):
            if _matches(pattern, form):
                made = form
                break
        else:
            return None
    if len(made) < schema.get("minLength", 0) or len(made) > schema.get("maxLength", len(made)):
        return None
    return made


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value[:500]) is not None
    except re.error:
        return True


def _array(value: Any, schema: Mapping[str, Any]) -> list[Any] | None:
    if not isinstance(value, (list, tuple)):
        return None
    items = schema.get("items")
    made = [fit(one, items) for one in value] if isinstance(items, Mapping) else list(value)
    made = [one for one in made if one is not None]
    if not made or len(made) < schema.get("minItems", 0) or len(made) > schema.get("maxItems", len(made)):
        return None
    return made

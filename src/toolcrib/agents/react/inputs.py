"""What stands behind `Action Input:` or in the brackets of `tool(…)`, as arguments of one tool."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import orjson

from toolcrib.agents.react.labels import visible
from toolcrib.agents.react.notation import CUT_OFF, TOO_DEEP, Found, proposal, read, read_pairs
from toolcrib.agents.react.steps import Unclear

NOTHING = frozenset(
    {"", "none", "null", "nil", "n/a", "na", "no input", "none needed", "not needed", "empty", "无", "空"}
)
"""What models write where nothing is to be said."""
_FENCED = re.compile(r"(?:```|~~~)[ \t]*+([\w+-]*+)[ \t]*+\r?\n(.*?)(?:\r?\n[ \t]*)?(?:```|~~~)", re.DOTALL)
_OPENING = re.compile(r"(?:```|~~~)[ \t]*(?:json5?|python|py|text|txt|tool_code|tool_call)?[ \t]*\n?")
_TYPES: Mapping[str, tuple[type, ...]] = MappingProxyType(
    {"integer": (int,), "number": (int, float), "boolean": (bool,), "array": (list,)}
)
_PAIRED = MappingProxyType({'"': '"', "'": "'", "“": "”", "`": "`"})
_EDGES = " \t\r\n\v\f\u00a0\u3000\ufeff\u200b\u200c\u200d\u200e\u200f\u2060"


def bare(text: str) -> str:
    """The text without white space, and what cannot be seen, around it."""
    return text.strip(_EDGES)


def arguments(text: str, schema: Mapping[str, Any], *, cut_short: bool = False) -> dict[str, Any]:
    """The arguments that `text` gives.

    Args:
        text: a JSON object, or plain text for a tool with one required argument.
        schema: JSON Schema of the tool's arguments.
        cut_short: the model was stopped in it, so that what has no end may be longer.

    Raises:
        Unclear: what is meant is not certain.
    """
    given = unfenced(text)
    if given[:1] in ("{", "["):
        found = _found(given, cut_short=cut_short)
        if isinstance(found.value, dict):
            _nothing_more(found.rest)
            return found.value
        if bare(found.rest):
            raise Unclear("it is not a JSON object")
        return _single(found.value, given, schema)
    if visible(given).strip("\"'`().。 ").lower() in NOTHING:
        return none_given(schema)
    return plain(given, schema, cut_short=cut_short)


def exact(value: Any, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that a JSON value gives; text in it has a beginning and an end, and may have several lines.

    Raises:
        Unclear: what is meant is not certain.
    """
    match value:
        case dict():
            return value
        case None:
            return none_given(schema)
        case str() if bare(value)[:1] == "{":
            return arguments(value, schema)
        case str() if bare(value).lower() in NOTHING:
            return none_given(schema)
        case _:
            return _single(value, "", schema)


def none_given(schema: Mapping[str, Any]) -> dict[str, Any]:
    """No arguments, if the tool can do without.

    Raises:
        Unclear: it cannot.
    """
    if required := schema.get("required"):
        raise Unclear(f"it has no input, and the tool needs {', '.join(required)}")
    return {}


def plain(text: str, schema: Mapping[str, Any], *, cut_short: bool = False) -> dict[str, Any]:
    """Text that is no JSON, as the one argument of a tool that needs one.

    Raises:
        Unclear: the tool needs several, or the text may be more than the argument.
    """
    properties = schema.get("properties") or {}
    if not properties:
        return {}  # nothing that the text could say
    if cut_short:
        raise Unclear(CUT_OFF)
    if any(re.match(rf"[\"'`*]?{re.escape(name)}[\"'`*]?\s*[=:：]", text) for name in properties):
        raise Unclear("it is not a JSON object")
    if _is_open(text):
        raise Unclear("its quotation mark is not closed")
    inner = _FENCED.fullmatch(text)
    text = inner[2] if inner else text
    if inner is None and (len(text.splitlines()) > 1 or "```" in text):
        raise Unclear("it has several lines and is not a JSON object")
    return _single(_value(text), text, schema)


def pairs(text: str, schema: Mapping[str, Any], *, cut_short: bool = False) -> dict[str, Any]:
    """What stands between the brackets of `tool(…)`: an object, `name=value, …`, or the one argument.

    Raises:
        Unclear: what is meant is not certain.
    """
    given = bare(text)
    properties = schema.get("properties") or {}
    if not given or given in properties:  # `search(query)` gives no value
        return none_given(schema)
    named = re.match(r"([^\W\d]\w*)\s*[=:]", given)
    if named and (named[1] in properties or "=" in named[0]):
        return read_pairs(given)
    return arguments(given, schema, cut_short=cut_short)


def unfenced(text: str) -> str:
    """The text without the block of code around it, if that holds JSON; a last line of backticks alone goes too."""
    given = bare(text)
    if opening := _OPENING.match(given):
        inside = given[opening.end() :].lstrip(_EDGES)
        if inside[:1] in ("{", "["):
            given = inside
        elif not _FENCED.fullmatch(given):
            raise Unclear("its block of code is not closed")
    elif given.endswith(("```", "~~~")) and given.count(given[-3:]) == 1:
        given = bare(given[:-3])
    elif given.startswith("`") and given.endswith("`") and given.count("`") == 2:
        given = bare(given[1:-1])
    return given


def _found(given: str, *, cut_short: bool) -> Found:
    """What stands there.

    Raises:
        Unclear: with what may be meant, for the model to confirm.
    """
    try:
        return read(given, cut_short=cut_short)
    except Unclear as problem:
        proposed = "" if str(problem) in (CUT_OFF, TOO_DEEP) else proposal(given)
        raise Unclear(f"{problem}. {proposed}" if proposed else str(problem)) from problem


def _nothing_more(rest: str) -> None:
    """An object that was closed too early goes on behind its end.

    Raises:
        Unclear: there is more, or another object.
    """
    rest = bare(rest).removesuffix("```")
    if rest[:1] in (",", ":") or "{" in rest or '"' in rest:
        raise Unclear(f"after the JSON object there is more: {rest[:40]!r}")


def _is_open(text: str) -> bool:
    """Whether a quotation begins the text and does not end."""
    first = text[:1]
    closing = _PAIRED.get(first, "")
    if closing == first:
        return text.count(first) % 2 == 1
    return bool(closing) and text.count(closing) < text.count(first)


def _value(text: str) -> Any:
    """A number, truth value or quoted text as such; anything else as text."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'`" and text[1:-1].count(text[0]) == 0
        return text[1:-1] if quoted and "\\" not in text else text
    return value


def _single(value: Any, text: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The value as the only argument that is required, if it is of its type."""
    required = list(schema.get("required") or ())
    if len(required) != 1:
        raise Unclear("it is not a JSON object")
    (name,) = required
    kind = (schema.get("properties") or {}).get(name, {}).get("type")
    if kind == "string" and (isinstance(value, str) or (text and not isinstance(value, (list, dict)))):
        return {name: value if isinstance(value, str) else text}
    if kind in _TYPES and isinstance(value, _TYPES[kind]) and (kind == "boolean") == isinstance(value, bool):
        return {name: value}
    raise Unclear("it is not a JSON object")

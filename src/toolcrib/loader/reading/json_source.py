"""JSON text to plain data and the place of every key and value; a mistake becomes a `Reason` with its fix."""

import json
from collections.abc import Iterator
from dataclasses import replace

from toolcrib.core.reasons import Reason
from toolcrib.loader.reading.places import decode, reason_at
from toolcrib.loader.reading.yaml_source import Document, parse_yaml

# words of the parser -> what was expected, what to do
_WORDS = (
    (
        "Expecting value",
        "expected a value here",
        "Write text in double quotes, a number, `{…}`, `[…]`, true, false or null.",
    ),
    (
        "Expecting property name",
        "expected a key in double quotes here",
        "JSON has no comments and no comma behind the last.",
    ),
    ("Expecting ':'", "expected `:` here", 'Write `"key": value`.'),
    (
        "Expecting ','",
        "expected `,` here, or the end of what was opened",
        "Put a comma between entries; JSON has no comments.",
    ),
    ("Illegal trailing comma", "there is a comma behind the last entry", "Take it away."),
    ("Extra data", "expected the end of the file here", "A file holds one value; take the rest away."),
    ("Unterminated string", "the text that begins here is never closed", 'Close it with `"`.'),
    ("Invalid control character", "a line break or tab stands in a text", "Write it as `\\n` or `\\t`."),
    ("Invalid \\", "there is no such escape", "Write a backslash as `\\\\`."),
    ("Unexpected UTF-8 BOM", "there is a byte order mark in the middle", "Take it away."),
)


def parse_json(file: str, content: bytes) -> tuple[Document, list[Reason]]:
    """Read a JSON file. Places are those of the same text read as YAML, of which JSON is a part.

    Args:
        file: its path in the project.
        content: its bytes.
    """
    text = decode(file, content)
    if isinstance(text, Reason):
        return Document(file=file), [text]
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        return Document(file=file, text=text), [_syntax(file, text, error)]
    except (ValueError, RecursionError):  # numbers of thousands of digits, thousands of brackets
        message = "a number is too long, or lists and mappings are nested too deep"
        return Document(file=file, text=text), [Reason(code="too_large", message=message, file=file)]
    places, wrong = parse_yaml(file, text.replace("\t", " ").encode("utf-8", "replace"))
    twice = [replace(one, source=_line(text, one.line)) for one in wrong if one.code == "duplicate_key"]
    return replace(places, text=text, data=data), twice


def _syntax(file: str, text: str, error: json.JSONDecodeError) -> Reason:
    """What was expected, and the fix. A file that ends too early says what is still open."""
    message, hint = error.msg[:1].lower() + error.msg[1:], ""
    for words, expected, fix in _WORDS:
        if error.msg.startswith(words):
            message, hint = expected, fix
            break
    end = len(text.rstrip())
    if not end:
        message, hint = "the file is empty", 'Write at least `{"graphs": {}}`.'
    elif error.pos >= end:
        missing = "".join(_still_open(text))
        message = f"the file ends too early: {f'`{missing}` is missing' if missing else 'a value is missing'}"
        hint = "Was it cut off? Write the rest."
    place = min(error.pos, end)
    return reason_at(file, text, (place, place + 1), code="json_syntax", message=message, hint=hint)


def _still_open(text: str) -> Iterator[str]:
    """What closes the brackets that are open at the end, the innermost first; texts are skipped."""
    closes = {"{": "}", "[": "]"}
    open_now: list[str] = []
    quoted = escaped = False
    for char in text:
        if quoted:
            quoted, escaped = escaped or char != '"', not escaped and char == "\\"
        elif char == '"':
            quoted = True
        elif char in closes:
            open_now.append(closes[char])
        elif open_now and char == open_now[-1]:
            open_now.pop()
    return reversed(open_now)


def _line(text: str, line: int) -> str:
    return text.split("\n")[line - 1].rstrip("\r")

"""Places in a text: from indexes to the line and columns of a `Reason`."""

import codecs
import re

from toolcrib.core.reasons import Reason

MAX_BYTES = 1 << 20
MAX_REASONS = 200
"""More mistakes than anybody reads; further ones are not looked for."""

MAX_SOURCE = 1_000
"""Longer lines are not quoted."""

_LINE_END = re.compile(r"\r\n|\r|\n")


def reason_at(file: str, text: str, span: tuple[int, int], *, code: str, message: str, hint: str = "") -> Reason:
    """A reason that points at `span`, start and end index in `text`; only its first line is marked."""
    start, end = min(span[0], len(text)), min(span[1], len(text))
    line = 1 + text.count("\n", 0, start) + text.count("\r", 0, start) - text.count("\r\n", 0, start)
    begin = max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1
    stop = _LINE_END.search(text, begin)
    source = text[begin : stop.start() if stop else len(text)]
    column = min(start - begin, len(source)) + 1
    last = min(end - begin, len(source.rstrip())) + 1
    return Reason(
        code=code,
        message=message,
        file=file,
        line=line,
        column=column,
        end_column=max(last, column + 1),
        hint=hint,
        source=source if len(source) <= MAX_SOURCE else "",
    )


def decode(file: str, content: bytes) -> str | Reason:
    """The text of a file, without a byte order mark; or why it is none: too large, not UTF-8."""
    if len(content) > MAX_BYTES:
        message = f"{file} is larger than 1 MiB ({len(content)} bytes)"
        return Reason(code="too_large", message=message, file=file, hint="Split it, or move data out of it.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        skip = 3 if content.startswith(b"\xef\xbb\xbf") else 0
        good = error.object[: error.start].decode("utf-8")  # the object starts behind a byte order mark
        text = content[skip:].decode("utf-8", "replace")
        byte = error.object[error.start]
        message = f"byte 0x{byte:02x} is not UTF-8"
        if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            message, text, good = "this is UTF-16, not UTF-8", "", ""
        span = (len(good), len(good) + 1)
        return reason_at(file, text, span, code="encoding", message=message, hint="Save the file as UTF-8.")

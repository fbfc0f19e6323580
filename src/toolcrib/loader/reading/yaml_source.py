"""YAML text to plain data and the place of every key and value; every mistake becomes a `Reason`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from toolcrib.core.reasons import Reason
from toolcrib.loader.reading.nodes import Composer, Entry, Node, Stop, plain
from toolcrib.loader.reading.places import decode, reason_at

Part = str | int
Path = tuple[Part, ...]
At = Literal["value", "key"]

# What the parser raises besides its own errors: unknown %YAML versions, \U escapes beyond Unicode.
_PARSER_FAULTS = (AssertionError, ValueError, OverflowError, RecursionError, LookupError, TypeError, AttributeError)

# words of the parser -> what to do
_HINTS = (
    ("mapping values are not allowed", "Quote text that contains `: `, and check the indentation."),
    ("expected alphabetic or numeric", "Quote text that begins with `*` or `&`."),
    ("expected <block end>", "Check the indentation: entries of one block begin in the same column."),
    ("flow sequence", "A list in brackets needs a comma between its values and `]` at its end."),
    ("flow mapping", "A mapping in braces needs a comma between its entries and `}` at its end."),
    ("quoted scalar", "The quote that opens here is never closed."),
    ("<stream end>", "A bracket or brace that opens above is never closed."),
    ("could not find expected ':'", "Write `key: value`."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A parsed file.

    Attributes:
        file: its path in the project.
        text: all of it.
        root: its content; None when it is empty or cannot be parsed.
        data: the same as dicts, lists, str, int, float, bool and None.
    """

    file: str
    text: str = ""
    root: Node | None = None
    data: Any = None

    def span(self, path: Path, *, at: At = "value") -> tuple[int, int]:
        """Start and end, as indexes in the text, of the value (or key) at `path`.

        Where the path leaves the document, its last known key counts; so does the key of a value that is not written.
        """
        node, key, last_is_key = self.root, None, at == "key"
        for part in path:
            child = _child(node, part)
            if child is None:
                last_is_key = True
                break
            node, key = child.node, child
        if node is None:
            return 0, 0
        if key is not None and key.end > key.start and (last_is_key or node.start == node.end):
            return key.start, key.end
        return node.start, node.end

    def reason(
        self, code: str, message: str, *, path: Path, hint: str = "", at: At = "value", mark: str = ""
    ) -> Reason:
        """A reason that points at the value (or key) at `path`, or at the text `mark` within it."""
        start, end = self.span(path, at=at)
        if mark and (found := self.text.find(mark, start, end)) >= 0:
            start, end = found, found + len(mark)
        return reason_at(self.file, self.text, (start, end), code=code, message=message, hint=hint)


def parse_yaml(file: str, content: bytes) -> tuple[Document, tuple[Reason, ...]]:
    """Read one YAML file.

    A file that cannot be parsed gives an empty document and one reason. Mistakes that leave the rest readable
    (duplicate keys, tags, bad merges) are all reported, and the data goes on without them.
    """
    text = decode(file, content)
    if isinstance(text, Reason):
        return Document(file=file), (text,)
    composer = Composer(file=file, text=text)
    try:
        root = composer.compose()
    except Stop as stop:
        return Document(file=file, text=text), (*composer.reasons, stop.reason)
    except (YAMLError, *_PARSER_FAULTS) as error:
        return Document(file=file, text=text), (*composer.reasons, _syntax(file, text, error))
    data = None if root is None else plain(root)
    return Document(file=file, text=text, root=root, data=data), tuple(composer.reasons)


def _child(node: Node | None, part: Part) -> Entry | None:
    """The value below `node` at `part`; an item of a list is its own key."""
    value = None if node is None else node.value
    if isinstance(value, Mapping) and isinstance(part, str):
        found = value.get(part)
        return found if isinstance(found, Entry) else None
    if isinstance(value, tuple) and isinstance(part, int) and 0 <= part < len(value):
        item = value[part]
        return Entry(start=item.start, end=item.end, node=item)
    return None


def _syntax(file: str, text: str, error: Exception) -> Reason:
    """What the parser found, in words for people who do not know its grammar."""
    index, problem = 0, str(error)
    if isinstance(error, ReaderError):
        index, problem = error.position, "found a character that YAML does not allow"
    elif isinstance(error, MarkedYAMLError):
        marks = (error.problem_mark, error.context_mark)
        never_closed = re.search("end of stream|<stream end>", error.problem or "")
        mark = next(filter(None, reversed(marks) if never_closed else marks), None)
        index = mark.index if mark else 0
        problem = ", ".join(part for part in (error.context, error.problem) if part)
    elif not isinstance(error, YAMLError):
        problem = "this cannot be read as YAML 1.2"
    message, hint = _explain(problem, text[index : index + 1])
    if text[:index].endswith("$"):
        message, hint = "within braces and brackets `${` must be quoted", 'Write "${…}".'
    return reason_at(file, text, (index, index + 1), code="yaml_syntax", message=message, hint=hint)


def _explain(problem: str, char: str) -> tuple[str, str]:
    if char == "\t":
        return "a tab stands where YAML wants spaces", "Replace it by spaces."
    if "cannot start any token" in problem:
        return f"text cannot begin with {char}", "Put the text in quotes."
    return next(((problem, hint) for words, hint in _HINTS if words in problem), (problem, ""))

"""YAML events to a tree of nodes that know where they stand, within bounds that hold before anything is built.

Scalars follow the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema): `no` and `2026-01-01` are
text. Keys are the text as written.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from toolcrib.core.reasons import Reason
from toolcrib.loader.reading.places import MAX_REASONS, reason_at

MAX_NODES = 100_000
MAX_DEPTH = 50

_TAG = "tag:yaml.org,2002:"
_COLLECTION_TAGS = frozenset({None, "!", _TAG + "map", _TAG + "seq"})
_SCALAR_TAGS = frozenset({_TAG + name for name in ("null", "bool", "int", "float")})
_NULL = re.compile(r"null|Null|NULL|~|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]{1,300}")
_OCTAL = re.compile(r"0o[0-7]{1,300}")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,300}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,300}|[0-9]{1,300}(\.[0-9]{0,300})?)([eE][-+]?[0-9]{1,9})?")
_SPECIAL = re.compile(r"([-+])?\.(inf|Inf|INF|nan|NaN|NAN)")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A value and where it stands; aliases share one node.

    Attributes:
        start: index of its first character in the text.
        end: index just behind it.
        value: a scalar, a tuple of nodes, or a mapping of key -> `Entry`.
        text: a scalar as written, quotes and escapes resolved.
        size: how many nodes it has when aliases are written out.
        height: how many collections are nested in it, itself included.
    """

    start: int
    end: int
    value: Any
    text: str = ""
    size: int = 1
    height: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One `key: value`: where the key stands, and the value."""

    start: int
    end: int
    node: Node


def plain(node: Node) -> Any:
    """The node as plain data; aliases become copies."""
    if isinstance(node.value, tuple):
        return [plain(item) for item in node.value]
    if isinstance(node.value, Mapping):
        return {key: plain(entry.node) for key, entry in node.value.items()}
    return node.value


def scalar(text: str) -> str | int | float | bool | None:
    """An unquoted scalar by YAML's core schema."""
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
        return text[0] in "tT"
    if _INT.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text) or _HEX.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if special := _SPECIAL.fullmatch(text):
        return float((special[1] or "") + special[2].lower())
    return text


class Stop(Exception):
    """The rest of the file cannot be read."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.message)
        self.reason = reason


@dataclass(slots=True)
class _Open:
    """A collection whose end has not been read yet."""

    start: int
    mapping: bool
    anchor: str | None
    items: list[Node] = field(default_factory=list)
    size: int = 1
    height: int = 1


class Composer:
    """Makes nodes of the parser's events, within the bounds."""

    def __init__(self, *, file: str, text: str) -> None:
        self.reasons: list[Reason] = []
        self._file = file
        self._text = text
        self._open: list[_Open] = []
        self._anchors: dict[str, Node] = {}
        self._root: Node | None = None
        self._documents = 0

    def compose(self) -> Node | None:
        """The root node; None for an empty document."""
        for event in YAML(typ="safe", pure=True).parse(self._text):
            start, end = event.start_mark.index, event.end_mark.index
            match event:
                case DocumentStartEvent():
                    self._documents += 1
                    if self._documents > 1:
                        hint = "Remove the `---` line and what does not belong here."
                        raise self._stop(
                            "yaml_syntax", "a second document begins here; a file is one", (start, end), hint
                        )
                case MappingStartEvent() | SequenceStartEvent():
                    self._begin(event, start, end)
                case MappingEndEvent() | SequenceEndEvent():
                    self._end(end)
                case ScalarEvent():
                    self._add(self._scalar(event, start, end), anchor=event.anchor)
                case AliasEvent():
                    self._add(self._alias(event.anchor, start, end), anchor=None)
                case _:
                    continue
        return None if self._root is None or self._root.value is None else self._root

    def _begin(self, event: Any, start: int, end: int) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise self._stop("too_large", f"nested more than {MAX_DEPTH} deep", (start, start + 1))
        if event.tag not in _COLLECTION_TAGS:
            self._refuse_tag(event.tag, start, end)
        self._open.append(_Open(start=start, mapping=isinstance(event, MappingStartEvent), anchor=event.anchor))

    def _end(self, end: int) -> None:
        done = self._open.pop()
        value: Any = self._entries(done) if done.mapping else tuple(done.items)
        node = Node(start=done.start, end=end, value=value, size=done.size, height=done.height)
        self._add(node, anchor=done.anchor)

    def _add(self, node: Node, *, anchor: str | None) -> None:
        """Put a finished node where it belongs."""
        if anchor:
            self._anchors[anchor] = node
        if not self._open:
            self._root = node
            return
        parent = self._open[-1]
        parent.items.append(node)
        parent.height = max(parent.height, node.height + 1)
        parent.size += node.size
        if parent.size > MAX_NODES:
            message = f"more than {MAX_NODES} values, aliases written out"
            raise self._stop("too_large", message, (node.start, node.end))
        if len(self._open) + node.height > MAX_DEPTH:
            raise self._stop("too_large", f"nested more than {MAX_DEPTH} deep", (node.start, node.end))

    def _scalar(self, event: Any, start: int, end: int) -> Node:
        text = event.value
        if _SURROGATE.search(text):
            text = self._join_surrogates(text, start, end)
        unquoted = event.tag is None and event.style is None
        if event.tag in _SCALAR_TAGS:
            unquoted = True
        elif event.tag not in (None, "!", _TAG + "str"):
            self._refuse_tag(event.tag, start, end)
        return Node(start=start, end=end, value=scalar(text) if unquoted else text, text=text)

    def _join_surrogates(self, text: str, start: int, end: int) -> str:
        """JSON writes characters beyond U+FFFF as two escapes; half of such a pair is no character."""
        try:
            return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
        except UnicodeDecodeError:
            message = "half of a surrogate pair is no character"
            self._note(self._reason("yaml_syntax", message, (start, end)))
            return _SURROGATE.sub("\ufffd", text)

    def _alias(self, anchor: str, start: int, end: int) -> Node:
        if any(waiting.anchor == anchor for waiting in self._open):
            raise self._stop("yaml_syntax", f"`*{anchor}` stands inside the value it repeats", (start, end))
        node = self._anchors.get(anchor)
        if node is None:
            hint = f"Put `&{anchor}` before an earlier value, or quote the text."
            raise self._stop("yaml_syntax", f"nothing above is named `&{anchor}`", (start, end), hint)
        return node

    def _entries(self, done: _Open) -> Mapping[str, Entry]:
        """The entries of a mapping; those merged in (`<<`) come after, and below, the written ones."""
        written: dict[str, Entry] = {}
        merged: dict[str, Entry] = {}
        for key, node in zip(done.items[::2], done.items[1::2], strict=True):
            if not isinstance(key.value, str | int | float | None):
                message, hint = "a key must be text, not a list or a mapping", "Quote it when it is text."
                self._note(self._reason("yaml_syntax", message, (key.start, key.end), hint))
            elif key.text == "<<" and self._text[key.start : key.end] == "<<":
                self._merge(node, merged)
            else:
                if first := written.get(key.text):
                    self._duplicate(key, first)
                written[key.text] = Entry(start=key.start, end=key.end, node=node)
        return written | {name: entry for name, entry in merged.items() if name not in written}

    def _merge(self, node: Node, merged: dict[str, Entry]) -> None:
        for source in node.value if isinstance(node.value, tuple) else (node,):
            if not isinstance(source.value, Mapping):
                message, hint = "`<<` takes a mapping or a list of mappings", "Write `<<: *name`."
                self._note(self._reason("yaml_syntax", message, (source.start, source.end), hint))
                continue
            for name, entry in source.value.items():
                merged.setdefault(name, entry)

    def _duplicate(self, key: Node, first: Entry) -> None:
        line = self._reason("duplicate_key", "", (first.start, first.end)).line
        message = f"{key.text!r} is given twice; the first is in line {line}"
        hint = "Keep one of them."
        self._note(self._reason("duplicate_key", message, (key.start, key.end), hint))

    def _refuse_tag(self, tag: str, start: int, end: int) -> None:
        name = tag.replace(_TAG, "!!")
        self._note(self._reason("yaml_tag", f"the tag {name} is not allowed", (start, end), "Remove it."))

    def _note(self, reason: Reason) -> None:
        self.reasons.append(reason)
        if len(self.reasons) >= MAX_REASONS:
            raise Stop(replace(reason, code="too_large", message="too many mistakes; the rest was not read", hint=""))

    def _reason(self, code: str, message: str, span: tuple[int, int], hint: str = "") -> Reason:
        return reason_at(self._file, self._text, span, code=code, message=message, hint=hint)

    def _stop(self, code: str, message: str, span: tuple[int, int], hint: str = "") -> Stop:
        return Stop(self._reason(code, message, span, hint))

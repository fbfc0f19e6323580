"""Labels: an answer, line by line, as sections that each begin with `Thought:`, `Action:` and the like."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from toolcrib.agents.react.notation import BLANK

THINK = re.compile(r"<(/?)(?:think|thinking|reasoning)>", re.IGNORECASE)
"""Around what a model thinks before it answers; the first group tells an end."""
Kind = Literal["prose", "thought", "action", "input", "observation", "final", "question"]

_NAMES: MappingProxyType[str, Kind] = MappingProxyType(
    {
        **dict.fromkeys(("thought", "thoughts", "思考", "想法", "思路"), "thought"),
        **dict.fromkeys(("action", "行动", "动作"), "action"),
        **dict.fromkeys(("action input", "action inputs", "行动输入", "动作输入", "行动参数"), "input"),
        **dict.fromkeys(("observation", "observations", "观察", "观察结果", "观测"), "observation"),
        **dict.fromkeys(("final answer", "最终答案", "最终回答", "最终答复"), "final"),
        **dict.fromkeys(("question", "问题"), "question"),
    }
)
_WEAK: MappingProxyType[str, Kind] = MappingProxyType(
    {
        **dict.fromkeys(("tool", "工具"), "action"),
        **dict.fromkeys(("input", "tool input", "arguments", "parameters", "输入", "工具输入", "参数"), "input"),
        **dict.fromkeys(("answer", "答案", "回答"), "final"),
    }
)
"""Words that are labels only where one is due: an answer may well have a line `Input: …`."""
_MARKS = rf"{BLANK}*_#>`•"
_LONGEST_FIRST = tuple(sorted((*_NAMES, *_WEAK), key=len, reverse=True))
_LABEL = re.compile(
    rf"""[{_MARKS}-]{{0,40}}+ (?:\d{{1,3}}[.)、][{BLANK}*_]{{0,8}})?  # marks of a list, a heading, bold
    (?P<word>{"|".join(word.replace(" ", "[ _-]{0,3}") for word in _LONGEST_FIRST)})
    (?:[{BLANK}]{{0,4}}\d{{1,3}})?  # `Action 2:`
    [{_MARKS}]{{0,8}} (?: (?P<colon>[:：]) [*_`]{{0,3}} | \Z )""",
    re.VERBOSE | re.IGNORECASE,
)
_MARKED = re.compile(rf"[{BLANK}]{{0,40}}+(?:\*\*|__|\#)")
_SENTENCE_THEN_LABEL = re.compile(
    r"[.!?。！？…]\s{0,4}(?=[*_]{0,2}(?:Action|Final Answer|行动|最终答案)[*_]{0,2}[:：])"
)
_ACTION_AND_INPUT = re.compile(r"\s(?=[*_]{0,2}Action[*_]{0,2}[:：].{1,200}\s[*_]{0,2}Action Input[*_]{0,2}[:：])")
_INPUT = re.compile(r"[\s,;，；](?=[*_]{0,2}(?:Action Input|行动输入)[*_]{0,2}[:：])")
_UNSEEN = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_FENCE = re.compile(rf"[{BLANK}]{{0,40}}(?:```|~~~)")
_BREAK = re.compile(r"(\r\n|[\n\r\u0085\u2028\u2029])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One label, and the text up to the next one.

    Attributes:
        kind: what the label says; `prose` for text before the first one.
        text: as written, without the label.
    """

    kind: Kind
    text: str


class Scan:
    """Reads lines one by one, and tells where sections begin.

    Attributes:
        kind: of the section the last line belongs to.
    """

    def __init__(self) -> None:
        self.kind: Kind = "prose"
        self._fenced = False

    def copy(self) -> "Scan":
        """One that goes on from here by itself."""
        other = Scan()
        other.kind, other._fenced = self.kind, self._fenced
        return other

    def see(self, line: str) -> Section | None:
        """The label of a line that begins a section, with the rest of the line; None for one that does not."""
        found = None if self._fenced else label(line, self.kind)
        text = line if found is None else found.text
        if found is not None:
            self.kind, self._fenced = found.kind, False
        if self.kind == "final" and _FENCE.match(text):  # in a block of code nothing is a label
            self._fenced = not self._fenced
        return found


def sections(text: str) -> Iterator[Section]:
    """The answer's sections in order; prose only if there is any."""
    scan, kind = Scan(), Scan().kind
    lines: list[str] = []
    for line, end in _lines(text, scan):
        found = scan.see(line)
        if found is None:
            lines += [line, end]
            continue
        if kind != "prose" or "".join(lines).strip():
            yield Section(kind=kind, text="".join(lines))
        kind, lines = found.kind, [found.text, end]
    if kind != "prose" or "".join(lines).strip():
        yield Section(kind=kind, text="".join(lines))


def label(line: str, within: Kind) -> Section | None:
    """The label at the beginning of a line, with the rest of the line; None for a line without.

    Args:
        line: without its line break.
        within: kind of the section the line would belong to otherwise.
    """
    cleaned = line if line.isascii() else _UNSEEN.sub("", line)
    found = _LABEL.match(cleaned)
    if found is None or not (found["colon"] or (within != "final" and _MARKED.match(cleaned))):
        return None
    word = re.sub(r"[ _-]+", "", found["word"].lower())
    kind = _STRONG.get(word)
    if kind is None:
        kind = _DUE.get(word)
        if kind is None or within not in (("action",) if kind == "input" else ("prose", "thought")):
            return None
    rest = _after(line, cleaned, found.end())
    if rest.endswith("**") and rest.count("**") % 2:  # the whole line is bold
        rest = rest[:-2]
    return Section(kind=kind, text=rest)


_STRONG: MappingProxyType[str, Kind] = MappingProxyType({word.replace(" ", ""): kind for word, kind in _NAMES.items()})
_DUE: MappingProxyType[str, Kind] = MappingProxyType({word.replace(" ", ""): kind for word, kind in _WEAK.items()})


def visible(text: str) -> str:
    """The text without characters that cannot be seen."""
    return text if text.isascii() else _UNSEEN.sub("", text)


def _after(line: str, cleaned: str, end: int) -> str:
    """What stands in `line` behind the first `end` characters of `cleaned`, the line without what cannot be seen."""
    if len(line) == len(cleaned):
        return line[end:]
    seen = 0
    for at, char in enumerate(line):
        if seen == end:
            return line[at:]
        seen += not _UNSEEN.match(char)
    return ""


def _lines(text: str, scan: Scan) -> Iterator[tuple[str, str]]:
    """Lines and their ends; one with several labels comes in pieces: `Thought: Cold. Action: heat Action Input: {}`."""
    parts = _BREAK.split(text)
    for line, end in zip(parts[::2], [*parts[1::2], ""], strict=True):
        rest = line
        while (at := _next_label(rest, scan)) is not None:
            yield rest[:at], ""
            rest = rest[at:]
        yield rest, end


def _next_label(line: str, scan: Scan) -> int | None:
    """Where in the middle of a line a label stands: behind a sentence of a thought, or behind the action's name."""
    found = label(line, scan.kind)
    kind = found.kind if found else scan.kind
    match kind:
        case "action" if found:
            between = _INPUT.search(line)
        case "thought" | "prose":
            between = _SENTENCE_THEN_LABEL.search(line) or _ACTION_AND_INPUT.search(line)
        case _:
            return None
    return between.end() if between else None

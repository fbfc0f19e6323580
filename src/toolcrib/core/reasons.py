"""Reasons: why a candidate is refused, each with its place and its fix, and how they are drawn for people."""

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One mistake in a project.

    Attributes:
        code: stable short name, e.g. `syntax`, `import`, `duplicate_tool`, `unknown_key`.
        message: what is wrong, one sentence.
        file: path relative to the project, `/` as separator; empty when no file is to blame.
        line: 1-based line; 0 when unknown.
        column: 1-based column; 0 when unknown.
        end_column: 1-based column just behind the marked text; 0 marks one character.
        hint: how to mend it; empty when the message says it.
        source: the text of `line`, for the caret; empty when not known.
    """

    code: str
    message: str
    file: str = ""
    line: int = 0
    column: int = 0
    end_column: int = 0
    hint: str = ""
    source: str = ""

    @property
    def place(self) -> str:
        """`file:line:column`, as far as known."""
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part)

    def scrubbed(self, scrub: Callable[[str], str]) -> "Reason":
        """The reason with its words given through `scrub`."""
        return replace(self, message=scrub(self.message), hint=scrub(self.hint))

    def to_dict(self) -> dict[str, object]:
        """The reason as JSON-ready mapping."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> "Reason":
        """The inverse of `to_dict`; unknown keys are ignored so that newer records can be read."""
        known = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
        return cls(**known)  # type: ignore[arg-type]  # values are str and int by construction of to_dict


def draw(reason: Reason, *, word: str = "error") -> str:
    """The reason as compilers draw it: message, place, the line with a caret under the mistake, the fix."""
    lines = [f"{word}[{reason.code}]: {reason.message}"]
    if reason.place:
        lines.append(f"  --> {reason.place}")
    if reason.source and reason.line:
        margin = " " * len(str(reason.line))
        lines.append(f" {reason.line} | {reason.source}")
        if reason.column:
            marked = reason.source[reason.column - 1 : max(reason.end_column - 1, reason.column)]
            lines.append(f" {margin} | {_indent(reason.source, reason.column)}{'^' * max(1, _width(marked))}")
    if reason.hint:
        lines.append(f"  = fix: {reason.hint}")
    return "\n".join(lines)


def draw_all(reasons: Iterable[Reason], *, word: str = "error") -> str:
    """All reasons, one under the other, with an empty line between them."""
    return "\n\n".join(draw(reason, word=word) for reason in reasons)


def _indent(source: str, column: int) -> str:
    """White space up to `column`; tabs stay tabs so that the caret lands where the eye expects it."""
    return "".join("\t" if char == "\t" else " " * _width(char) for char in source[: column - 1])


def _width(text: str) -> int:
    """Columns of a terminal: two for each wide character of East Asian scripts."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)

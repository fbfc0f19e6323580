"""One reading of a text for one tool: what is taken already, and at which stage the reading is."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum

from toolcrib.agents.offline.extract.arguments.kinds import Argument, Kind
from toolcrib.agents.offline.extract.found import Found, Span, free


class Stage(IntEnum):
    """How sure a find must be: beside its label, of its type, or merely left over."""

    LABELLED = 0
    TYPED = 1
    LEFTOVER = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A text made even, the text as written, and the spans that other arguments took."""

    text: str
    raw: str
    today: date
    arguments: tuple[Argument, ...] = ()
    nouns: frozenset[str] = frozenset()
    taken: tuple[Span, ...] = ()
    stage: Stage = Stage.LABELLED
    answering: str = ""
    blocked: tuple[Span, ...] = field(default=())

    def free(self, finds: Iterable[Found]) -> list[Found]:
        """The finds no other argument took."""
        return free(finds, (*self.taken, *self.blocked))

    def masked(self, spans: Iterable[Span] = ()) -> str:
        """The text with everything taken hidden; places stay the same."""
        chars = list(self.text)
        for start, end in (*self.taken, *self.blocked, *spans):
            chars[start:end] = "\x00" * (min(end, len(chars)) - start)
        return "".join(chars)

    def as_written(self, one: Found) -> Found:
        """A find with the characters of the text as it was typed."""
        return Found(value=self.raw[one.start : one.end].strip(), start=one.start, end=one.end, strength=one.strength)

    def others(self, kind: Kind) -> int:
        """How many arguments of a kind the tool takes."""
        return sum(one.kind is kind for one in self.arguments)

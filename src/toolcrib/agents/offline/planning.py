"""From a question to the calls it needs: at once, one after the other, or none yet because something is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from toolcrib.agents.offline.choosing import Choice, Chooser
from toolcrib.agents.offline.fill import fill
from toolcrib.agents.offline.parts import pieces, refers, spans_of
from toolcrib.agents.offline.values import Filled, OfferedTool, PlannedCall

_PROBES: tuple[Any, ...] = (7, "7")
_ALONE = 0.42
_MOST_CALLS = 8
_MOST_WAITING = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One call to make, perhaps not yet ready.

    ``missing`` names what must be asked for; with ``waits`` it needs the result of the step before it.
    """

    tool: OfferedTool
    text: str
    args: Mapping[str, Any]
    missing: tuple[str, ...] = ()
    waits: bool = False

    @property
    def ready(self) -> bool:
        """Whether it can be called at once."""
        return not self.missing and not self.waits

    @property
    def call(self) -> PlannedCall:
        """The call."""
        return PlannedCall(name=self.tool.name, args=dict(self.args))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    text: str
    span: tuple[int, int]
    choice: Choice
    waits: bool = False
    kind: Literal["own", "same"] = "own"


def steps_of(text: str, chooser: Chooser) -> tuple[Step, ...]:
    """The steps a question asks for, in order; none when no tool fits."""
    parts = _parts(text, chooser)
    if not parts:
        return ()
    made: list[Step] = []
    for part in parts:
        made.extend(_steps(part, chooser))
    return _bounded(made)


def _bounded(steps: Sequence[Step]) -> tuple[Step, ...]:
    kept: list[Step] = []
    for step in steps:
        same = any(one.tool is step.tool and one.args == step.args and not step.waits for one in kept)
        if not same and len(kept) < _MOST_CALLS + _MOST_WAITING:
            kept.append(step)
    return tuple(kept)


def _steps(part: _Part, chooser: Chooser) -> list[Step]:
    if part.waits or part.kind == "same":
        filled: Sequence[Filled] = part.choice.filled
    else:
        listed = chooser.calls(part.choice, part.text)
        filled = listed.filled if listed.complete else part.choice.filled
    tool = part.choice.tool
    return [
        Step(tool=tool, text=part.text, args=one.args, missing=() if part.waits else one.missing, waits=part.waits)
        for one in filled[:_MOST_CALLS]
    ]


def _parts(text: str, chooser: Chooser) -> list[_Part]:
    """The parts of a question that each have a tool; a piece that has none belongs to the part before it."""
    cut = pieces(text)
    whole = chooser.best(text)
    if len(cut) < 2:
        return [_Part(text=text, span=(0, len(text)), choice=whole)] if whole else []
    spans = spans_of(text, cut)
    groups: list[tuple[int, int]] = []
    heads: list[_Part] = []
    for at, ((_, joint), span) in enumerate(zip(cut, spans, strict=True)):
        end = _end_of_piece(text, spans, at)
        head = _head(text[span[0] : end], (span[0], end), joint, heads, chooser)
        if head is None and groups:
            groups[-1] = (groups[-1][0], end)
        elif head is None:
            groups.append((0, end))
        else:
            heads.append(head)
            groups.append(span if groups else (0, end))
            groups[-1] = (groups[-1][0], end)
    if len(heads) < 2:
        return _alone(text, whole, heads)
    return _settled(text, groups, heads, whole, chooser)


def _end_of_piece(text: str, spans: Sequence[tuple[int, int]], at: int) -> int:
    end = spans[at][1]
    return end + 1 if text[end : end + 1] in "?？" and text[end : end + 1] else end


def _alone(text: str, whole: Choice | None, heads: Sequence[_Part]) -> list[_Part]:
    if whole is not None and (whole.complete or not heads or heads[0].choice.tool is whole.tool):
        return [_Part(text=text, span=(0, len(text)), choice=whole)]
    if heads and (whole is None or heads[0].choice.complete):
        return [heads[0]]
    return [_Part(text=text, span=(0, len(text)), choice=whole)] if whole else []


def _head(text: str, span: tuple[int, int], joint: str, heads: Sequence[_Part], chooser: Chooser) -> _Part | None:
    """The piece as a part of its own, or None when it rather belongs to the part before it."""
    choice = chooser.best(text)
    waiting = _waiting(text, heads, chooser)
    if waiting is not None and (choice is None or not choice.complete or refers(text)):
        return _Part(text=text, span=span, choice=waiting, waits=True)
    if choice is not None and choice.total >= _ALONE and choice.near > 0.12 or _is_shaped(choice):
        assert choice is not None
        if joint in ("stop", "then", "") or choice.complete or not heads:
            return _Part(text=text, span=span, choice=choice)
    return _same_again(text, span, heads, chooser)


def _is_shaped(choice: Choice | None) -> bool:
    return choice is not None and choice.complete and choice.filled[0].shape >= 0.3


def _waiting(text: str, heads: Sequence[_Part], chooser: Chooser) -> Choice | None:
    """The tool of a part that is complete only with the result of the part before it."""
    if not heads or not refers(text):
        return None
    for probe in _PROBES:
        choice = chooser.best(text, earlier=probe)
        if choice is not None and choice.complete and choice.filled[0].args:
            without = fill(text, choice.tool, today=chooser.today)
            if without.args != choice.filled[0].args:
                return choice
    return None


def _same_again(text: str, span: tuple[int, int], heads: Sequence[_Part], chooser: Chooser) -> _Part | None:
    """A piece that gives all arguments of the tool before it anew: "… 'cat' to Spanish and 'dog' to Italian"."""
    if not heads or heads[-1].waits:
        return None
    last = heads[-1].choice
    filled = fill(text, last.tool, today=chooser.today)
    many = len(filled.args) > 1 and len(last.tool.parameters.get("required") or ()) > 1
    if not many or filled.missing or filled.shape < 0.2 or filled.evidence < 0.6 or not last.complete:
        return None
    return _Part(text=text, span=span, choice=replace(last, filled=(filled,)), kind="same")


def _settled(
    text: str, groups: Sequence[tuple[int, int]], heads: Sequence[_Part], whole: Choice | None, chooser: Chooser
) -> list[_Part]:
    """Each part with the pieces that belong to it; one part after all when the split lost an argument."""
    made: list[_Part] = []
    for (start, end), head in zip(groups, heads, strict=False):
        part = text[start:end].strip()
        if head.waits or head.kind == "same" or part == head.text.strip():
            made.append(head)
            continue
        again = chooser.best(part)
        better = again is not None and (again.complete or not head.choice.complete)
        made.append(replace(head, text=part, choice=again) if better and again is not None else head)
    if _is_one(made, whole):
        return [_Part(text=text, span=(0, len(text)), choice=whole)] if whole else made
    return made


def _is_one(parts: Sequence[_Part], whole: Choice | None) -> bool:
    """Whether the whole question is one call: complete, while its parts for the same tool are not."""
    if whole is None or not whole.complete or any(one.waits for one in parts):
        return False
    same = all(one.choice.tool is whole.tool for one in parts)
    values = {repr(sorted(one.choice.filled[0].args.items(), key=lambda pair: pair[0])) for one in parts}
    return (same and (not all(one.choice.complete for one in parts) or len(values) < 2)) or (
        not any(one.choice.complete for one in parts)
    )

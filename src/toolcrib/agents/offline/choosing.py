"""Choose the tool a part of a question is for, and read its arguments."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from toolcrib.agents.offline.extract.found import is_cjk
from toolcrib.agents.offline.extract.text import find_quoted
from toolcrib.agents.offline.fill import fill, fill_all
from toolcrib.agents.offline.scoring import Scorer
from toolcrib.agents.offline.values import Filled, OfferedTool

_TRIED = 8
_NEEDED = 0.3
_MISSING = 0.14
_MISSING_MOST = 0.3
_COMPLETE = 0.04


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A tool with one or more sets of arguments; ``total`` is its rank, ``near`` how near the words are."""

    tool: OfferedTool
    filled: tuple[Filled, ...]
    total: float
    near: float

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return not any(one.missing for one in self.filled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chooser:
    """Ranks the tools offered for one question.

    Attributes:
        least: the rank below which no tool fits.
    """

    scorer: Scorer
    tools: Sequence[OfferedTool]
    today: date
    least: float = _NEEDED

    def best(self, text: str, earlier: Any = None) -> Choice | None:
        """The tool that fits best, or None when none does."""
        ranked = self.ranked(text, earlier)
        return ranked[0] if ranked and ranked[0].total >= self.least else None

    def ranked(self, text: str, earlier: Any = None) -> list[Choice]:
        """The likeliest tools, best first; ties go by the order they are offered in."""
        near = self.scorer.scores(_unquoted(text), self.tools)
        order = sorted(range(len(near)), key=lambda at: -near[at])[:_TRIED]
        made = [self._choice(text, self.tools[at], near[at], earlier) for at in sorted(order)]
        return sorted(made, key=lambda one: -one.total)

    def calls(self, choice: Choice, text: str, earlier: Any = None) -> Choice:
        """The choice with one set of arguments for each value the text lists."""
        filled = fill_all(text, choice.tool, today=self.today, earlier=earlier)
        return Choice(tool=choice.tool, filled=filled, total=choice.total, near=choice.near)

    def _choice(self, text: str, tool: OfferedTool, near: float, earlier: Any) -> Choice:
        filled = fill(text, tool, today=self.today, earlier=earlier)
        lacking = min(_MISSING_MOST, _MISSING * len(filled.missing))
        whole = _COMPLETE if filled.args and not filled.missing else 0.0
        return Choice(tool=tool, filled=(filled,), total=near + filled.shape - lacking + whole, near=near)


def _unquoted(text: str) -> str:
    """The text without what it quotes, as long as other words are left."""
    left = text
    for one in sorted(find_quoted(text), key=lambda quoted: -quoted.start):
        left = f"{left[: one.start]} {left[one.end :]}"
    enough = len(left.split()) >= 2 or (is_cjk(left) and len(left.strip()) >= 2)
    return left if enough else text

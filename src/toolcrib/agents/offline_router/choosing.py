"""Which tool a text is for: its nearness, what its arguments find in the text, what they miss."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from toolcrib.agents.offline_router.fill import fill, fill_all
from toolcrib.agents.offline_router.scoring import Scorer
from toolcrib.agents.offline_router.values import Filled, OfferedTool

_LIMIT_CHARS = 2000
_LOOKED_AT = 6
_EVIDENCE = 0.35
_MISSING = 0.2
_NEAR = 0.3
_NEAR_WITHOUT = 0.45
_NEAR_TO_ASK = 0.5
_TOTAL = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A tool for a text, with one filling for each call."""

    tool: OfferedTool
    fills: tuple[Filled, ...]
    near: float
    total: float

    @property
    def missing(self) -> tuple[str, ...]:
        """The required arguments the text does not give."""
        return self.fills[0].missing


class Chooser:
    """Chooses among the tools of one decision; remembers what it chose for a text."""

    def __init__(self, *, scorer: Scorer, tools: Sequence[OfferedTool], today: date) -> None:
        self._scorer = scorer
        self._tools = tools
        self._today = today
        self._known: dict[tuple[str, str], Choice | None] = {}

    def choose(self, text: str, earlier: Any = None) -> Choice | None:
        """The tool for a text, or None when none is near enough; its arguments may be incomplete."""
        key = (text, repr(earlier))
        if key not in self._known:
            self._known[key] = self._choose(text[:_LIMIT_CHARS], earlier)
        return self._known[key]

    def filled(self, text: str, tool: OfferedTool, *, answering: str = "") -> Filled:
        """The arguments of one given tool."""
        return fill(text[:_LIMIT_CHARS], tool, today=self._today, answering=answering)

    def tool(self, name: str) -> OfferedTool | None:
        """The tool of this name, when it is offered."""
        return next((one for one in self._tools if one.name == name), None)

    def _choose(self, text: str, earlier: Any) -> Choice | None:
        scored = sorted(zip(self._scorer.scores(text, self._tools), self._tools, strict=True), key=lambda one: -one[0])
        choices = [self._weighed(text, tool, near, earlier) for near, tool in scored[:_LOOKED_AT] if near >= _NEAR]
        fitting = [one for one in choices if _fits(one)]
        return max(fitting, key=lambda one: one.total, default=None)

    def _weighed(self, text: str, tool: OfferedTool, near: float, earlier: Any) -> Choice:
        fills = fill_all(text, tool, today=self._today, earlier=earlier)
        first = fills[0]
        total = near + _EVIDENCE * first.evidence - min(0.4, _MISSING * len(first.missing))
        return Choice(tool=tool, fills=fills, near=near, total=total)


def _fits(choice: Choice) -> bool:
    if choice.missing:
        return choice.near >= _NEAR_TO_ASK
    needs = choice.tool.parameters.get("required")
    return choice.near >= (_NEAR if needs else _NEAR_WITHOUT) and choice.total >= _TOTAL

"""The router: from the turns so far to the next calls or the answer, by fixed rules and without memory."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from toolcrib.agents.offline_router import wording
from toolcrib.agents.offline_router.chatter import chatter_of
from toolcrib.agents.offline_router.choosing import Choice, Chooser
from toolcrib.agents.offline_router.parts import parts_of, refers, there
from toolcrib.agents.offline_router.results import borrowed, lent, main_value, value_of
from toolcrib.agents.offline_router.scoring import Scorer
from toolcrib.agents.offline_router.turns import Decision, Made, PlannedCall, Talk, Turn, talk_of
from toolcrib.agents.offline_router.values import Filled, OfferedTool

_MOST_ROUNDS = 8
_SURE = 0.5
_LEANING = 0.45
_ASKED = re.compile(r"To use `([^`]+)` I need: |要使用 `([^`]+)`，还需要：")
_NEVER_MIND = re.compile(
    r"^\s*(?:never ?mind|forget (?:it|that)|cancel(?: that| it)?|no thanks|stop|算了|不用了|取消吧)", re.I
)
_LIKEWISE = re.compile(r"^\s*(?:and|what about|how about|also|same for|or|那|那么)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """One part of the question: the calls it makes now, or why it makes none."""

    calls: tuple[PlannedCall, ...] = ()
    waits: bool = False
    asks: tuple[OfferedTool, tuple[str, ...]] | None = None
    tool: OfferedTool | None = None


class Router:
    """Decides what to do next.

    The same turns and tools give the same decision: everything is read from the turns again each time.
    """

    def __init__(self, *, scorer: Scorer, today: Callable[[], date]) -> None:
        self._scorer = scorer
        self._today = today

    def decide(self, turns: Sequence[Turn], tools: Sequence[OfferedTool]) -> Decision:
        """The calls to make now, or else the answer; never raises, and never makes a call of this question twice."""
        talk = talk_of(turns)
        style = wording.style_of(talk.system, talk.question)
        chooser = Chooser(scorer=self._scorer, tools=tools, today=self._today())
        decision = _decide(talk, tools, chooser, style)
        return decision if decision.calls else replace(decision, text=wording.dressed(decision.text, style))


def _decide(talk: Talk, tools: Sequence[OfferedTool], chooser: Chooser, style: wording.Style) -> Decision:
    if not talk.question.strip():
        return Decision(text=wording.nothing_asked(tools, style))
    answered = _answer_to_asking(talk, chooser, style)
    if answered is not None:
        done = {one.call.key for one in talk.made}
        if any(call.key in done for call in answered.calls):
            return Decision(text=wording.answer(talk.made, style))
        return answered
    if talk.rounds == 0:
        chatter = chatter_of(talk.question, tools)
        if chatter is not None:
            return Decision(text=wording.chatter(chatter, tools, style))
    return _carry_out(talk, tools, chooser, style)


def _carry_out(talk: Talk, tools: Sequence[OfferedTool], chooser: Chooser, style: wording.Style) -> Decision:
    """Make what calls can be made now; when there are none left, answer."""
    steps = _steps(talk, chooser)
    done = {one.call.key for one in talk.made}
    ready = [call for step in steps for call in step.calls if call.key not in done]
    ready = [call for at, call in enumerate(ready) if call.key not in {one.key for one in ready[:at]}]
    if ready and talk.rounds < _MOST_ROUNDS:
        return Decision(calls=tuple(ready))
    asks = [wording.ask(*step.asks, style) for step in steps if step.asks]
    if not talk.made:
        return Decision(text="\n".join(asks) if asks else wording.none_fits(tools, style))
    return Decision(text="\n".join([wording.answer(talk.made, style), *asks]))


def _steps(talk: Talk, chooser: Chooser) -> list[_Step]:
    parts = parts_of(talk.question, lambda piece, leans: _stands(piece, leans, chooser))
    made = {one.call.key: one for one in talk.made}
    steps: list[_Step] = []
    for at, part in enumerate(parts):
        if at and refers(part):
            steps.append(_leaning_step(part, steps, made, chooser))
        else:
            steps.append(_first_step(part, talk, chooser) if at == 0 else _step(chooser.choose(part)))
    return steps


def _stands(piece: str, leans: bool, chooser: Chooser) -> bool:
    """Whether a piece of a question makes a call of its own."""
    choice = chooser.choose(piece)
    if choice is None:
        return False
    if not choice.missing:
        return choice.total >= _SURE
    return leans and refers(piece) and len(choice.missing) == 1 and choice.near >= _LEANING


def _step(choice: Choice | None) -> _Step:
    if choice is None:
        return _Step()
    if choice.missing:
        return _Step(asks=(choice.tool, choice.missing), tool=choice.tool)
    return _Step(calls=_calls(choice.tool, choice.fills), tool=choice.tool)


def _calls(tool: OfferedTool, fills: Sequence[Filled]) -> tuple[PlannedCall, ...]:
    return tuple(PlannedCall(name=tool.name, args=one.args) for one in fills if not one.missing)


def _first_step(part: str, talk: Talk, chooser: Chooser) -> _Step:
    """The first part; "that" and "what about" speak of the last result of the conversation."""
    choice = chooser.choose(part)
    last = next((one for one in reversed(talk.said) if not one.failed), None)
    if last is None or (choice is not None and not choice.missing):
        return _step(choice)
    if choice is None and _LIKEWISE.search(part):
        return _likewise(part, last, chooser)
    if refers(part):
        return _leaned(part, last, chooser)
    return _step(choice)


def _likewise(part: str, last: Made, chooser: Chooser) -> _Step:
    """`And in Rome?`: the last call again, with what is new."""
    tool = chooser.tool(last.call.name)
    if tool is None:
        return _Step()
    filled = chooser.filled(part, tool)
    if not filled.args or filled.evidence < 0.2:
        return _Step()
    return _Step(calls=(PlannedCall(name=tool.name, args={**last.call.args, **filled.args}),), tool=tool)


def _leaning_step(part: str, steps: Sequence[_Step], made: Mapping[str, Made], chooser: Chooser) -> _Step:
    """A part that speaks of the one before: made after its result, or at once when only a place is meant."""
    choice = chooser.choose(part)
    before = next((one for one in reversed(steps) if one.calls or one.waits or one.asks), None)
    if before is None:
        return _step(choice)
    if before.waits or not before.calls:
        return _Step(waits=True)
    last = before.calls[-1]
    if choice is not None and there(part):
        given = {name: lent(name, choice.tool, last.args, before.tool) for name in choice.missing}
        if all(value is not None for value in given.values()):
            return _Step(calls=_completed(choice, given), tool=choice.tool)
    result = made.get(last.key)
    if result is None:
        return _Step(waits=True)
    return _Step() if result.failed else _leaned(part, result, chooser)


def _leaned(part: str, result: Made, chooser: Chooser) -> _Step:
    """The call of a part that takes something from an earlier result."""
    choice = chooser.choose(part, main_value(value_of(result.text)))
    if choice is None:
        return _Step()
    made_by = chooser.tool(result.call.name)
    given = {name: borrowed(name, choice.tool, result, made_by) for name in choice.missing}
    left = tuple(name for name, value in given.items() if value is None)
    if left:
        return _Step(asks=(choice.tool, left), tool=choice.tool)
    return _Step(calls=_completed(choice, given), tool=choice.tool)


def _completed(choice: Choice, given: Mapping[str, Any]) -> tuple[PlannedCall, ...]:
    return tuple(PlannedCall(name=choice.tool.name, args={**one.args, **given}) for one in choice.fills)


def _answer_to_asking(talk: Talk, chooser: Chooser, style: wording.Style) -> Decision | None:
    """The call the user was asked to complete, when the last message does so; None when it speaks of something else."""
    chain, name = _asked(talk)
    tool = chooser.tool(name)
    if tool is None or not chain:
        return None
    if _NEVER_MIND.search(talk.question):
        return Decision(text=wording.left_alone(style))
    own = chooser.choose(talk.question)
    if own is not None and not own.missing and own.tool.name != name and own.near >= _SURE:
        return None
    args, gained = _combined(chain, tool, chooser)
    if not gained:
        return None
    required = tool.parameters.get("required")
    missing = tuple(one for one in required if one not in args) if isinstance(required, (list, tuple)) else ()
    if missing:
        return Decision(text=wording.ask(tool, missing, style))
    return Decision(calls=(PlannedCall(name=name, args=args),))


def _asked(talk: Talk) -> tuple[list[str], str]:
    """The user's messages from the question that was incomplete to the present one, and the tool it was for."""
    chain = [talk.question]
    name = ""
    for turn in reversed(talk.before):
        if turn.role == "user":
            chain.insert(0, turn.text)
            continue
        asked = _ASKED.search(turn.text) if turn.role == "assistant" else None
        this = (asked[1] or asked[2]) if asked else ""
        if not this or (name and this != name) or talk.before[-1].role != "assistant":
            break
        name = this
    return (chain, name) if name else ([], "")


def _combined(chain: Sequence[str], tool: OfferedTool, chooser: Chooser) -> tuple[dict[str, Any], bool]:
    """The arguments of all messages together, and whether the last one added any."""
    parts = parts_of(chain[0], lambda piece, leans: _stands(piece, leans, chooser))
    own = [part for part in parts if (choice := chooser.choose(part)) is not None and choice.tool.name == tool.name]
    first = chooser.filled(own[0] if own else chain[0], tool)
    args = dict(first.args)
    gained = False
    for text in chain[1:]:
        required = tool.parameters.get("required")
        missing = [one for one in required if one not in args] if isinstance(required, (list, tuple)) else []
        filled = chooser.filled(text, tool, answering=missing[0] if missing else "")
        new = {name: value for name, value in filled.args.items() if name not in args}
        gained = bool(new)
        args.update(new)
    return args, gained

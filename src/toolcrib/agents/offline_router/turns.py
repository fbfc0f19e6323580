"""The turns of a conversation as the router reads them, and what it decides."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCall:
    """A call to be made: the tool's name and its arguments."""

    name: str
    args: Mapping[str, Any]

    @property
    def key(self) -> str:
        """Tells two calls apart by tool and arguments."""
        return f"{self.name} {json.dumps(dict(self.args), sort_keys=True, default=str)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message: `calls` are those an assistant asked for, `tool` and `failed` belong to a tool's result."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str
    calls: tuple[PlannedCall, ...] = ()
    tool: str = ""
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the router does next: calls to make, or an answer."""

    text: str = ""
    calls: tuple[PlannedCall, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A call that was made, with its result as text."""

    call: PlannedCall
    text: str
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A conversation, taken apart at its last question.

    Attributes:
        before: the turns before the last question.
        made: the calls made since, in order; one without a result yet is left out.
        rounds: how often calls were asked for since.
    """

    question: str = ""
    system: str = ""
    before: tuple[Turn, ...] = ()
    made: tuple[Made, ...] = ()
    rounds: int = 0
    said: tuple[Made, ...] = field(default=())


def talk_of(turns: Sequence[Turn]) -> Talk:
    """Take a conversation apart; tool results belong to the calls of their name, in order."""
    asked = [at for at, turn in enumerate(turns) if turn.role == "user"]
    system = "\n".join(turn.text for turn in turns if turn.role == "system")
    if not asked:
        return Talk(system=system)
    since = turns[asked[-1] + 1 :]
    before = tuple(turn for turn in turns[: asked[-1]] if turn.role != "system")
    return Talk(
        question=turns[asked[-1]].text,
        system=system,
        before=before,
        made=_made(since),
        rounds=sum(1 for turn in since if turn.role == "assistant" and turn.calls),
        said=_made(before),
    )


def _made(turns: Sequence[Turn]) -> tuple[Made, ...]:
    waiting: list[PlannedCall] = []
    made: list[Made] = []
    for turn in turns:
        if turn.role == "assistant":
            waiting.extend(turn.calls)
        elif turn.role == "tool":
            call = next((one for one in waiting if one.name == turn.tool or not turn.tool), None)
            if call is not None:
                waiting.remove(call)
            else:
                call = PlannedCall(name=turn.tool, args={})
            made.append(Made(call=call, text=turn.text, failed=turn.failed))
    return tuple(made)

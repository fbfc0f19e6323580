"""Approvals: which calls of a step a person has to agree to, asking for all at once, and what was decided.

Question and answer have the shapes of LangChain's human-in-the-loop middleware, so that its user interfaces can show
them: https://docs.langchain.com/oss/python/langchain/human-in-the-loop
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from langchain_core.messages import ToolMessage

from toolcrib.agents.live.questions import ask
from toolcrib.agents.scope import RunScope
from toolcrib.core.calls import ToolCall
from toolcrib.core.errors import ApprovalRequired, ArgumentsInvalid, InputInvalid
from toolcrib.core.policies import Approval
from toolcrib.core.quick_init import quick_init
from toolcrib.core.results import ErrorInfo, ToolResult, jsonable
from toolcrib.execution.approval import needs_approval

T = TypeVar("T")
_EDITED = "A person changed the arguments of this call before it was made, on purpose: do not repeat your own call."


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """What may be done about a call.

    Attributes:
        asked: the call as it was asked for.
        call: the call to make, which may be another one.
        result: what the person says instead; then nothing is called.
        approved: a person has agreed.
        edited: the person has changed it.
    """

    asked: ToolCall
    call: ToolCall
    result: ToolResult | None = None
    approved: bool = False
    edited: bool = False

    def told(self, message: T) -> T | ToolMessage:
        """The answer to the model that asked for the call, which learns of a change."""
        if self.edited and isinstance(message, ToolMessage) and isinstance(message.content, str):
            return message.model_copy(update={"content": f"{_EDITED}\n{message.content}"})
        return message


def agreed(scope: RunScope, calls: Sequence[ToolCall], waited: Sequence[Any]) -> list[Agreed]:
    """What may be done about each call of a step; a person is asked once about all that need it.

    The graph is interrupted for that. When its step runs again with the answer, this holds for the calls that were
    shown, and for no others: where calls need approval now that did not then, because the release is another one, the
    person is asked again about all. So it is, with what is wrong with it as `error`, when an answer does not fit.

    Args:
        scope: of the run.
        calls: of the step.
        waited: what the step waited with, see `questions.pending`.

    Raises:
        GraphInterrupt: the person is to be asked.
    """
    asked = {index: needed for index, call in enumerate(calls) if (needed := _needed(scope, call)) is not None}
    found = [Agreed(asked=call, call=call) for call in calls]
    if not asked and not waited:
        return found
    shown = next((one for one in map(_requests, waited) if _places(scope, calls, one)), None)
    for index in _places(scope, calls, shown):
        asked.setdefault(index, _approval(scope, calls[index]) or Approval())
    if not asked:
        return found
    asked = dict(sorted(asked.items()))
    question = _question(scope, [(calls[index], approval) for index, approval in asked.items()])
    while True:
        answer, seen = ask(question, shown)
        try:
            if _places(scope, calls, seen) != list(asked):
                raise InputInvalid("Other calls need approval since this was asked.", hint="Decide about these.")
            decisions = _decisions(answer, len(asked))
            for decision, (index, approval) in zip(decisions, asked.items(), strict=True):
                found[index] = _decided(calls[index], approval, decision, scope)
        except InputInvalid as error:
            question = question | {"error": str(ErrorInfo.of(error).text())}
        else:
            return found


def _requests(question: Any) -> Any:
    """The calls that a question shows; None for a question of another kind."""
    return question.get("action_requests") if isinstance(question, Mapping) else None


def _places(scope: RunScope, calls: Sequence[ToolCall], shown: Any) -> list[int]:
    """Which of the calls a person was shown; none when one of those shown is not among them."""
    left, places = {index: (call.name, dict(scope.shown(call).args)) for index, call in enumerate(calls)}, []
    for request in shown or ():
        place = next((index for index, call in left.items() if call == (request["name"], request["args"])), None)
        if place is None:
            return []
        del left[place]
        places.append(place)
    return places


def _approval(scope: RunScope, call: ToolCall) -> Approval | None:
    tool = scope.find(call.name)
    return tool.spec.policy.approval if tool is not None else None


def _needed(scope: RunScope, call: ToolCall) -> Approval | None:
    """The approval that the call needs. One that cannot be made is not put before a person."""
    tool = scope.find(call.name)
    if tool is None or tool.spec.policy.approval is None:
        return None
    try:
        args = tool.validate(call.args)
    except ArgumentsInvalid:
        return None
    needed = needs_approval(tool.spec.policy.approval, args, tool=call.name)
    return tool.spec.policy.approval if needed else None


def _question(scope: RunScope, asked: Sequence[tuple[ToolCall, Approval]]) -> dict[str, Any]:
    """LangChain's `HITLRequest`."""
    requests = [
        {
            "name": call.name,
            "args": dict(scope.shown(call).args),
            "description": (approval.description or f"The agent wants to call {call.name}.") + _left_out(scope, call),
        }
        for call, approval in asked
    ]
    reviews = [{"action_name": call.name, "allowed_decisions": list(approval.decisions)} for call, approval in asked]
    return {"action_requests": requests, "review_configs": reviews}


def _left_out(scope: RunScope, call: ToolCall) -> str:
    """What the call leaves to its tool's defaults, of which the person should know."""
    tool = scope.find(call.name)
    try:
        given = tool.validate(call.args) if tool is not None else {}
    except ArgumentsInvalid:
        return ""
    shown = scope.shown(replace(call, args={name: one for name, one in given.items() if name not in call.args})).args
    words = ", ".join(f"{name} = {json.dumps(jsonable(one), ensure_ascii=False)}" for name, one in shown.items())
    return f" By default: {words}." if words else ""


def _decisions(answer: Any, count: int) -> list[Any]:
    """One decision for each question; a word or a single decision alone holds for all."""
    given = answer["decisions"] if isinstance(answer, Mapping) and "decisions" in answer else [answer] * count
    if not isinstance(given, list) or len(given) != count:
        raise InputInvalid(
            f"The run waits for {count} decision{'s' if count > 1 else ''}.",
            hint='Answer {"decisions": [{"type": "approve"}, …]}, one for each call, in their order.',
        )
    return [{"type": one} if isinstance(one, str) else one for one in given]


def _decided(call: ToolCall, approval: Approval, decision: Any, scope: RunScope) -> Agreed:
    kind = decision.get("type") if isinstance(decision, Mapping) else None
    if kind not in approval.decisions:
        raise InputInvalid(
            f"{kind or decision!r} is no decision about a call of {call.name!r}.",
            hint=f"Decide with a type of: {', '.join(approval.decisions)}.",
        )
    message = str(decision.get("message") or "")
    match kind:
        case "edit":
            return Agreed(asked=call, call=_edited(call, decision, scope), approved=True, edited=True)
        case "reject":
            return Agreed(asked=call, call=call, result=_rejected(call, message, scope))
        case "respond":
            if not message:
                raise InputInvalid(
                    "A response to the model has a text.", hint='Give {"type": "respond", "message": "…"}.'
                )
            answer = ToolResult(ok=True, value=message, attempts=0, tool=call.name, call_id=call.id)
            return Agreed(asked=call, call=call, result=replace(answer, release=scope.release.id))
        case _:
            return Agreed(asked=call, call=call, approved=True)


def _edited(call: ToolCall, decision: Mapping[str, Any], scope: RunScope) -> ToolCall:
    """The call with other arguments; a sensitive one that comes back as it was shown is as it was."""
    action = decision.get("edited_action")
    if not isinstance(action, Mapping) or not isinstance(action.get("args"), Mapping):
        raise InputInvalid(
            "An edit says what to call instead.",
            hint='Give {"type": "edit", "edited_action": {"name": …, "args": {…}}}.',
        )
    if (other := action.get("name", call.name)) != call.name:
        raise InputInvalid(
            f"An edit changes the arguments of {call.name!r}, not the tool.",
            hint=f"Reject the call rather than make one of {other!r}.",
        )
    args, shown, tool = action["args"], scope.shown(call).args, scope.find(call.name)
    unchanged = {name: call.args[name] for name in args.keys() & shown.keys() if args[name] == shown[name]}
    args = {**args, **unchanged}
    try:
        if tool is not None:
            tool.validate(args)
    except ArgumentsInvalid as error:
        raise InputInvalid(f"The edited arguments do not fit. {error.message}", hint=error.hint) from error
    return replace(call, args=args)


def _rejected(call: ToolCall, reason: str, scope: RunScope) -> ToolResult:
    words = f"A person rejected this call of {call.name!r}{': ' + reason.rstrip('.') if reason else ''}."
    error = ErrorInfo(
        code=ApprovalRequired.code,
        message=words,
        hint="It was not made. Do not ask for it again unless the user does.",
        severity="LOW",
    )
    return ToolResult(ok=False, error=error, attempts=0, tool=call.name, call_id=call.id, release=scope.release.id)

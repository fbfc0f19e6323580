"""Tool calls whose arguments are no JSON, or cannot be saved: the model is told so in place of a result."""

import json

import orjson
from langchain_core.messages import AIMessage, InvalidToolCall, ToolMessage
from langchain_core.messages.tool import invalid_tool_call

from toolcrib.agents.scope import RunScope
from toolcrib.agents.state.saving import LONG_NUMBER, UNSAVABLE, savable, unsavable
from toolcrib.core.errors import ArgumentsInvalid, CallFailed, ToolcribError, ToolNotFound
from toolcrib.core.names import did_you_mean

_MAX_SCHEMA = 2_000


def kept(answer: AIMessage) -> AIMessage:
    """The answer as it can be saved; a call of a tool that cannot be is one that could not be read, with the reason."""
    said = {"content": answer.content, "additional_kwargs": answer.additional_kwargs}
    if not unsavable([said, answer.tool_calls, answer.invalid_tool_calls]):
        return answer
    invalid, calls = [*answer.invalid_tool_calls], []
    for call in answer.tool_calls:
        if why := unsavable(dict(call)):
            args = json.dumps(savable(call["args"]), default=str)
            invalid.append(invalid_tool_call(name=call["name"], args=args, id=call["id"], error=why))
        else:
            calls.append(call)
    return answer.model_copy(update={**savable(said), "tool_calls": calls, "invalid_tool_calls": savable(invalid)})


def corrections(answer: AIMessage, scope: RunScope) -> list[ToolMessage]:
    """A message for each call of the answer that could not be read; they are told of like other failed calls."""
    return [_correction(call, scope) for call in answer.invalid_tool_calls]


def _correction(call: InvalidToolCall, scope: RunScope) -> ToolMessage:
    name, call_id = call.get("name") or "", call.get("id") or ""
    result = scope.refused(name, call_id, _error(name, _problem(call), scope))
    scope.notify("tool.finished", result.to_dict())
    return ToolMessage(content=result.text(), name=name, tool_call_id=call_id, status="error")


def _error(name: str, problem: str, scope: RunScope) -> CallFailed | ToolcribError:
    found = scope.find(name) if name in scope.tools else None
    if found is None:
        return ToolNotFound(f"There is no tool named {name!r}.", hint=did_you_mean(name, scope.tools))
    schema = orjson.dumps(dict(found.spec.args_schema)).decode()[:_MAX_SCHEMA]
    return ArgumentsInvalid(
        f"The arguments of {name!r} {problem}; the tool was not called.",
        hint=f"Call it again with one JSON object that fits this schema: {schema}",
    )


def _problem(call: InvalidToolCall) -> str:
    """What is wrong with the arguments, without quoting them: they may hold secrets."""
    why = call.get("error")
    return f"cannot be taken: {why}" if why in UNSAVABLE else f"are no JSON object{_where(call.get('args') or '')}"


def _where(written: str) -> str:
    if not written.strip():
        return ": they are empty"
    try:
        json.loads(written)
    except json.JSONDecodeError as error:
        return f": {error.msg[:1].lower()}{error.msg[1:]} at line {error.lineno}, column {error.colno}"
    except RecursionError:
        return ": they are nested too deep"
    except ValueError:  # Python reads no integer of more than 4,300 digits
        return f": {LONG_NUMBER}"
    return ""

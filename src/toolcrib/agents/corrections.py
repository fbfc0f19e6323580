"""Tool calls whose arguments are no JSON: the model is told so in place of a result, and asks again."""

import json

import orjson
from langchain_core.messages import AIMessage, InvalidToolCall, ToolMessage

from toolcrib.agents.scope import RunScope
from toolcrib.core.errors import ArgumentsInvalid, CallFailed, ToolcribError, ToolNotFound
from toolcrib.core.names import did_you_mean

_MAX_SCHEMA = 2_000


def corrections(answer: AIMessage, scope: RunScope) -> list[ToolMessage]:
    """A message for each call of the answer that could not be read; they are told of like other failed calls."""
    return [_correction(call, scope) for call in answer.invalid_tool_calls]


def _correction(call: InvalidToolCall, scope: RunScope) -> ToolMessage:
    name, call_id = call.get("name") or "", call.get("id") or ""
    result = scope.refused(name, call_id, _error(name, call.get("args") or "", scope))
    scope.notify("tool.finished", result.to_dict())
    return ToolMessage(content=result.text(), name=name, tool_call_id=call_id, status="error")


def _error(name: str, written: str, scope: RunScope) -> CallFailed | ToolcribError:
    found = scope.find(name) if name in scope.tools else None
    if found is None:
        return ToolNotFound(f"There is no tool named {name!r}.", hint=did_you_mean(name, scope.tools))
    schema = orjson.dumps(dict(found.spec.args_schema)).decode()[:_MAX_SCHEMA]
    return ArgumentsInvalid(
        f"The arguments of {name!r} are no JSON object{_where(written)}; the tool was not called.",
        hint=f"Call it again with one JSON object that fits this schema: {schema}",
    )


def _where(written: str) -> str:
    """What is wrong with a text that should be JSON, without quoting it: it may hold secrets."""
    if not written.strip():
        return ": they are empty"
    try:
        json.loads(written)
    except json.JSONDecodeError as error:
        return f": {error.msg[:1].lower()}{error.msg[1:]} at line {error.lineno}, column {error.colno}"
    except RecursionError:
        return ": they are nested too deep"
    return ""

"""What differs between two releases, in words an operator reads."""

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from toolcrib.core.agents import Agent
from toolcrib.core.releases import Change
from toolcrib.core.tools import ToolSpec


def diff_tools(older: Mapping[str, ToolSpec], newer: Mapping[str, ToolSpec]) -> list[Change]:
    """Tools added, removed and changed; for a changed one what about it."""
    return _diff("tool", older, newer, _tool_detail)


def diff_agents(older: Mapping[str, Agent], newer: Mapping[str, Agent]) -> list[Change]:
    """Agents added, removed and changed; for a changed one which of its fields."""
    return _diff("agent", older, newer, _agent_detail)


def diff_prompts(older: Mapping[str, str], newer: Mapping[str, str]) -> list[Change]:
    """Prompt files added, removed and changed."""
    return _diff("prompt", older, newer, _text_detail)


def diff_files(older: Mapping[str, bytes], newer: Mapping[str, bytes]) -> list[Change]:
    """Files added, removed and changed, for releases that are not in memory."""
    return _diff(
        "file", older, newer, lambda a, b: _text_detail(a.decode("utf-8", "replace"), b.decode("utf-8", "replace"))
    )


def _diff(
    kind: str, older: Mapping[str, Any], newer: Mapping[str, Any], detail: Callable[[Any, Any], str]
) -> list[Change]:
    changes = [Change(kind=kind, name=name, change="added") for name in sorted(newer.keys() - older.keys())]
    changes += [Change(kind=kind, name=name, change="removed") for name in sorted(older.keys() - newer.keys())]
    for name in sorted(older.keys() & newer.keys()):
        if text := detail(older[name], newer[name]):
            changes.append(Change(kind=kind, name=name, change="changed", detail=text))
    return changes


def _tool_detail(older: ToolSpec, newer: ToolSpec) -> str:
    parts = []
    before, after = older.args_schema.get("properties", {}), newer.args_schema.get("properties", {})
    parts += [f"argument {name} added" for name in sorted(after.keys() - before.keys())]
    parts += [f"argument {name} removed" for name in sorted(before.keys() - after.keys())]
    parts += [
        f"argument {name} changed" for name in sorted(before.keys() & after.keys()) if before[name] != after[name]
    ]
    required = set(newer.args_schema.get("required", ())) - set(older.args_schema.get("required", ()))
    parts += [f"argument {name} now required" for name in sorted(required & before.keys())]
    if older.description != newer.description:
        parts.append("description")
    if older.policy != newer.policy:
        parts.append("policy")
    if older.result_schema != newer.result_schema:
        parts.append("result")
    if older.digest != newer.digest:
        parts.append("code")
    return ", ".join(parts)


def _agent_detail(older: Agent, newer: Agent) -> str:
    fields = [name for name in type(newer.spec).model_fields if getattr(older.spec, name) != getattr(newer.spec, name)]
    if older.prompt != newer.prompt and "prompt" not in fields:
        fields.append("prompt")
    return ", ".join(fields)


def _text_detail(older: str, newer: str) -> str:
    if older == newer:
        return ""
    lines = list(difflib.unified_diff(older.splitlines(), newer.splitlines(), lineterm="", n=0))[2:]
    added = sum(line.startswith("+") for line in lines)
    removed = sum(line.startswith("-") for line in lines)
    return f"+{added} -{removed} lines"

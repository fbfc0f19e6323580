"""Tools of two releases: what changed for those who call them."""

from collections.abc import Iterator, Mapping
from typing import Any

from toolcrib.core.compat.shapes import Shape, ToolShape
from toolcrib.core.releases import Change
from toolcrib.loader.compat.rules import Part, make_change
from toolcrib.loader.compat.schemas import covers


def compare_tools(older: Shape, newer: Shape) -> list[Change]:
    """Tools added, removed and changed. A tool that no agent had has no thread whose calls could suffer."""
    before, after = older.tools, newer.tools
    used = {name for agent in older.agents.values() for name in agent.tools}
    lines = [
        make_change("tool", name, "added", [Part("tool added", "")]) for name in sorted(after.keys() - before.keys())
    ]
    lines += [
        make_change("tool", name, "removed", [Part("tool removed", "")], used=name in used)
        for name in sorted(before.keys() - after.keys())
    ]
    for name in sorted(before.keys() & after.keys()):
        if parts := [*_arguments(before[name], after[name]), *_others(before[name], after[name])]:
            lines.append(make_change("tool", name, "changed", parts, used=name in used))
    return lines


def _arguments(older: ToolShape, newer: ToolShape) -> Iterator[Part]:
    before, after = _properties(older.args_schema), _properties(newer.args_schema)
    must_before, must_after = _required(older.args_schema), _required(newer.args_schema)
    for name in sorted(after.keys() - before.keys()):
        required = name in must_after
        rule = "required argument added" if required else "argument added"
        yield Part(rule, f"{'required ' if required else ''}argument {name} added")
    for name in sorted(before.keys() - after.keys()):
        yield Part("argument removed", f"argument {name} removed")
    both = sorted(before.keys() & after.keys())
    roots = newer.args_schema, older.args_schema
    for name in both:
        if rule := _retyped(after[name], before[name], roots):
            yield Part(rule, f"argument {name} {rule.removeprefix('argument ')}")
    for name in (name for name in both if name in must_after - must_before):
        yield Part("argument now required", f"argument {name} now required")
    for name in (name for name in both if name in must_before - must_after):
        yield Part("argument now optional", f"argument {name} now optional")


def _retyped(newer: Any, older: Any, roots: tuple[Mapping[str, Any], Mapping[str, Any]]) -> str:
    """The rule for an argument whose schema changed, or what it may refer to; empty when it says the same."""
    if newer == older and roots[0].get("$defs") == roots[1].get("$defs"):
        return ""
    if not covers(newer, older, of=roots):
        return "argument narrowed"
    if not covers(older, newer, of=roots[::-1]):
        return "argument widened"
    return "argument reworded" if newer != older else ""


def _others(older: ToolShape, newer: ToolShape) -> Iterator[Part]:
    if older.description != newer.description:
        yield Part("description", "description")
    if (older.policy, older.variants) != (newer.policy, newer.variants):
        yield Part("policy", "policy")
    if older.sensitive and older.sensitive != newer.sensitive:
        yield Part("sensitive fields", "sensitive fields")
    if older.result_schema != newer.result_schema:
        yield Part("result", "result")
    if older.digest != newer.digest:
        yield Part("code", "code")


def _properties(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    found = schema.get("properties")
    return found if isinstance(found, dict) else {}


def _required(schema: Mapping[str, Any]) -> set[str]:
    found = schema.get("required")
    return set(found) if isinstance(found, list) else set()

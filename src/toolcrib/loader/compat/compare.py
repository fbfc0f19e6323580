"""What differs between two releases, in words an operator reads, with a verdict on each line."""

import difflib
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from toolcrib.core.compat.shapes import Shape, Side, own_names
from toolcrib.core.releases import Change
from toolcrib.loader.compat.agents import compare_agents
from toolcrib.loader.compat.experiments import compare_experiments
from toolcrib.loader.compat.rules import Part, make_change
from toolcrib.loader.compat.tools import compare_tools

How = Literal["added", "removed", "changed"]


def compare(older: Side, newer: Side) -> tuple[Change, ...]:
    """Tools, agents with their graphs and states, the same of tenants, experiments, money, prompts; one line each.

    Of a release without a known shape there is one line that says so.
    """
    lines = [
        make_change("release", side.release, "changed", [Part("unknown", "cannot be loaded any more")])
        for side in (older, newer)
        if side.shape is None
    ]
    if older.shape is not None and newer.shape is not None:
        lines += [*compare_tools(older.shape, newer.shape), *compare_agents(older.shape, newer.shape)]
        lines += _compare_tenants(older.shape, newer.shape)
        lines += compare_experiments(older.shape, newer.shape)
        lines += _compare_money(older.shape.money, newer.shape.money)
    return (*lines, *_compare_prompts(older.prompts, newer.prompts))


def _compare_tenants(older: Shape, newer: Shape) -> list[Change]:
    """What changes for a tenant in the tools and agents that it has otherwise than others."""
    lines: list[Change] = []
    for tenant, (tools, agents) in sorted(own_names(older, newer).items()):
        before, after = older.seen_by(tenant), newer.seen_by(tenant)
        own = compare_tools(before.only(tools=tools), after.only(tools=tools))
        own += compare_agents(before.only(agents=agents), after.only(agents=agents))
        lines += [replace(line, tenant=tenant) for line in own]
    return lines


def _compare_money(older: Mapping[str, str], newer: Mapping[str, str]) -> list[Change]:
    """Budgets and prices by their place in agents.yaml."""
    lines = []
    for place in sorted(older.keys() | newer.keys()):
        before, after = older.get(place), newer.get(place)
        if before != after:
            how: How = "added" if before is None else "removed" if after is None else "changed"
            lines.append(make_change("money", place, how, [Part("money", f"{before} -> {after}")]))
    return lines


def _compare_prompts(older: Mapping[str, str], newer: Mapping[str, str]) -> list[Change]:
    lines = [make_change("prompt", name, "added", [Part("prompt", "")]) for name in sorted(newer.keys() - older.keys())]
    lines += [
        make_change("prompt", name, "removed", [Part("prompt", "")]) for name in sorted(older.keys() - newer.keys())
    ]
    return lines + [
        make_change("prompt", name, "changed", [Part("prompt", _counted(older[name], newer[name]))])
        for name in sorted(older.keys() & newer.keys())
        if older[name] != newer[name]
    ]


def _counted(older: str, newer: str) -> str:
    lines = list(difflib.unified_diff(older.splitlines(), newer.splitlines(), lineterm="", n=0))[2:]
    added = sum(line.startswith("+") for line in lines)
    removed = sum(line.startswith("-") for line in lines)
    return f"+{added} -{removed} lines"

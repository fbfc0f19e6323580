"""Guards that a release lowers: what may happen now that could not happen before."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import replace
from typing import Any

from toolcrib.core.compat.shapes import AgentShape, Shape, ToolShape, own_names
from toolcrib.core.policies import ToolPolicy
from toolcrib.core.reasons import Reason
from toolcrib.core.redaction import OTHERS, Masks, shown_again

_ACCEPT = "accept it: `toolcrib deploy --accept permissions`."
_HINT = f"Restore it, or {_ACCEPT}"
HARMLESS = frozenset({"none", "read"})
"""Side effects that change nothing in the world."""


def widened(older: Shape, newer: Shape) -> tuple[Reason, ...]:
    """One reason for each guard that is lower than before.

    Guards are the scopes a tool asks for, the approval of its calls, its process of its own, what it hides as
    sensitive, the nodes a graph stops at, and the list of tools an agent may call: nobody wrote down one that may
    change something and comes only because a pattern matches it. An agent that had `*` had everything.
    """
    found = [*_tools(older, newer), *_agents(older, newer)]
    for tenant, (tools, agents) in sorted(own_names(older, newer).items()):
        before, after = older.seen_by(tenant), newer.seen_by(tenant)
        own = [*_tools(before.only(tools=tools), after.only(tools=tools))]
        own += _agents(before.only(agents=agents), after.only(agents=agents))
        known = {reason.message for reason in found}
        found += [replace(one, message=f"{one.message}{_for(f'/{tenant}')}") for one in own if one.message not in known]
    return tuple(found)


def _tools(older: Shape, newer: Shape) -> Iterator[Reason]:
    own, gone = own_names(older, newer), older.agents.keys() - newer.agents.keys()
    for name in sorted(older.tools.keys() & newer.tools.keys()):
        before, after = older.tools[name], newer.tools[name]
        apart = {tenant for tenant, (tools, _) in own.items() if name in tools}  # their own tool is looked at by itself
        named = [(whom, *whom.split("/")) for whom in {*before.variants, *after.variants}]
        whose = {whom for whom, agent, tenant in named if agent not in gone and tenant not in apart}
        yield from _tool(name, before, after, {"", *whose})
        yield from _sensitive(name, older.tools[name], newer.tools[name])


def _agents(older: Shape, newer: Shape) -> Iterator[Reason]:
    for name in sorted(older.agents.keys() & newer.agents.keys()):
        yield from _pauses(name, older.agents[name], newer.agents[name])
        yield from _reach(name, older, newer)


def _tool(name: str, older: ToolShape, newer: ToolShape, whose: Set[str]) -> Iterator[Reason]:
    """For all callers first, then for the `agent/tenant` of `whose` what those alone lose."""
    told: set[str] = set()
    for whom in sorted(whose):
        lost = _lost(_policy(older, whom), _policy(newer, whom))
        for text in sorted(lost - told):
            message = f"tool {name!r} {text}{_for(whom)}"
            yield Reason(code="permissions", message=message, file=newer.file, line=newer.line, hint=_HINT)
        told |= lost


def _sensitive(name: str, older: ToolShape, newer: ToolShape) -> Iterator[Reason]:
    before, after = Masks(**older.sensitive), Masks(**newer.sensitive)
    shown = [f"its argument {path!r}" for path in shown_again(before.args, after.args, newer.args_schema)]
    for path in shown_again(before.result, after.result, newer.result_schema or {}):
        shown.append("its result" if path == OTHERS else f"{path!r} of its result")
    for text in shown:
        message = f"tool {name!r} no longer hides {text}"
        yield Reason(code="permissions", message=message, file=newer.file, line=newer.line, hint=_HINT)


def _lost(older: Mapping[str, Any], newer: Mapping[str, Any]) -> set[str]:
    lost = {f"no longer asks for the scope {scope!r}" for scope in {*_of(older, "scopes")} - {*_of(newer, "scopes")}}
    before, after = _of(older, "isolation"), _of(newer, "isolation")
    if before == "process" != after:
        lost.add(f"no longer runs in a process of its own (isolation: {after})")
    before, after = _of(older, "approval"), _of(newer, "approval")
    if before is not None and after is None:
        lost.add("no longer asks a person for approval")
    elif before is not None and (when := after.get("when", "")) not in ("", before.get("when", "")):
        lost.add(f"asks a person for approval only when {when}")
    return lost


def _of(policy: Mapping[str, Any], field: str) -> Any:
    return policy.get(field, ToolPolicy.model_fields[field].default)


def _policy(tool: ToolShape, whom: str) -> Mapping[str, Any]:
    """The policy for `agent/tenant`, as a call finds it: the most specific one that is written."""
    agent, _, tenant = whom.partition("/")
    keys = (whom, f"/{tenant}", f"{agent}/")
    return next((tool.variants[key] for key in keys if key in tool.variants), tool.policy)


def _for(whom: str) -> str:
    agent, _, tenant = whom.partition("/")
    return f" for agent {agent!r}" * bool(agent) + f" for tenant {tenant!r}" * bool(tenant)


def _pauses(name: str, older: AgentShape, newer: AgentShape) -> Iterator[Reason]:
    for pause in older.graph.pauses:
        if pause not in newer.graph.pauses and pause.partition(" ")[2] in newer.graph.nodes:
            message = f"the graph of agent {name!r} no longer stops {pause}"
            yield Reason(code="permissions", message=message, file=newer.file, hint=_HINT)


def _reach(name: str, older: Shape, newer: Shape) -> Iterator[Reason]:
    before, after = older.agents[name], newer.agents[name]
    if "*" in before.patterns:
        return
    for tool in after.tools:
        shape, former = newer.tools[tool], older.tools.get(tool)
        had = tool in before.tools and former is not None and not _harmless(former)
        if not had and not _harmless(shape) and tool not in after.patterns:
            effect = _of(shape.policy, "side_effect")
            message = f"agent {name!r} gets {tool!r} by a pattern, which may change something (side_effect: {effect})"
            hint = f"Name it in the agent's `tools`, give it its true `side_effect`, or {_ACCEPT}"
            yield Reason(code="permissions", message=message, file=shape.file, line=shape.line, hint=hint)


def _harmless(tool: ToolShape) -> bool:
    return _of(tool.policy, "side_effect") in HARMLESS

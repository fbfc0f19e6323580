"""Agents of two releases: what changed for their threads, in what they are told, in their graphs and states."""

from collections.abc import Iterator

from toolcrib.core.compat.shapes import AgentShape, FieldShape, Shape
from toolcrib.core.releases import Change
from toolcrib.loader.compat.rules import Part, make_change
from toolcrib.loader.compat.schemas import covers

FORGETFUL = frozenset({"InMemorySaver"})
"""Checkpointers that live in the module that makes them, and end with it."""


def compare_agents(older: Shape, newer: Shape) -> list[Change]:
    """Agents added, removed and changed; a change of the graph or of the state has a line of its own."""
    before, after = older.agents, newer.agents
    lines = [
        make_change("agent", name, "added", [Part("agent added", "")]) for name in sorted(after.keys() - before.keys())
    ]
    lines += [
        make_change("agent", name, "removed", [Part("agent removed", "")])
        for name in sorted(before.keys() - after.keys())
    ]
    for name in sorted(before.keys() & after.keys()):
        mine, theirs = after[name], before[name]
        found = {
            "agent": [*_agent(theirs, mine, newer)],
            "graph": [*_graph(theirs, mine)],
            "state": [*_state(theirs, mine)],
        }
        lines += [make_change(kind, name, "changed", parts) for kind, parts in found.items() if parts]
    return lines


def _agent(older: AgentShape, newer: AgentShape, release: Shape) -> Iterator[Part]:
    """Fields of `agents.yaml` and what they came to. A tool that is gone altogether is told of as a tool."""
    fields = older.settings.keys() | newer.settings.keys()
    changed = sorted(name for name in fields if older.settings.get(name) != newer.settings.get(name))
    if "kind" in changed:
        yield Part("agent kind", "kind")
    if taken := sorted((set(older.tools) - set(newer.tools)) & release.tools.keys()):
        yield Part("agent tool taken away", f"no longer has {', '.join(taken)}")
    for name in changed:
        if name != "kind":
            yield Part("agent settings", name)
    known = {one.revision for one in older.migrations}
    if added := [one.revision for one in newer.migrations if one.revision not in known]:
        yield Part("migration added", f"migration {', '.join(added)} added")
    if older.prompt != newer.prompt and "prompt" not in changed:
        yield Part("prompt", "prompt")


def _graph(older: AgentShape, newer: AgentShape) -> Iterator[Part]:
    before, after = older.graph, newer.graph
    for node in _lost(before.nodes, after.nodes):
        yield Part("node removed", f"node {node} removed")
    for node in _lost(after.nodes, before.nodes):
        yield Part("node added", f"node {node} added")
    if before.edges != after.edges:
        lost = [f"-({edge})" for edge in _lost(before.edges, after.edges)]
        found = [f"+({edge})" for edge in _lost(after.edges, before.edges)]
        yield Part("edges", f"edges {' '.join([*lost, *found])}")
    if before.pauses != after.pauses:
        lost = [f"no longer stops {pause}" for pause in _lost(before.pauses, after.pauses)]
        found = [f"stops {pause}" for pause in _lost(after.pauses, before.pauses)]
        yield Part("pauses", ", ".join([*lost, *found]))
    if before.code != after.code:
        yield Part("graph code", "code")
    moved = older.threads != newer.threads
    if moved or (newer.threads in FORGETFUL and before.code != after.code):
        yield Part("threads kept elsewhere", f"threads kept by {newer.threads or 'toolcrib'}, in another place")


def _lost(before: tuple[str, ...], after: tuple[str, ...]) -> list[str]:
    return [one for one in before if one not in after]


def _state(older: AgentShape, newer: AgentShape) -> Iterator[Part]:
    before, after = older.state.fields, newer.state.fields
    for name in sorted(before.keys() - after.keys()):
        yield Part("field removed", f"field {name} removed")
    for name in sorted(after.keys() - before.keys()):
        rules = {"absent": "field added without default", "refused": "required field added"}
        yield Part(rules.get(after[name].missing, "field added"), f"field {name} added")
    for name in sorted(before.keys() & after.keys()):
        yield from _field(name, before[name], after[name])


def _field(name: str, older: FieldShape, newer: FieldShape) -> Iterator[Part]:
    if older.type != newer.type:
        widened = covers(newer.type, older.type)
        yield Part(
            "field widened" if widened else "field retyped", f"field {name} {'widened' if widened else 'retyped'}"
        )
    if older.reducer != newer.reducer:
        was, now = older.reducer or "the last value", newer.reducer or "the last value"
        yield Part("reducer", f"field {name} reduced by {now}, before by {was}")
    order = ("default", "absent", "refused")
    if (step := order.index(newer.missing) - order.index(older.missing)) != 0:
        yield Part(
            "field tightened" if step > 0 else "field loosened",
            f"field {name} {'required' if step > 0 else 'optional'}",
        )

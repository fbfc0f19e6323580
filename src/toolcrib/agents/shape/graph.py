"""The shape of an agent's compiled graph, and of the state its threads are saved in."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Literal

from langgraph.channels import UntrackedValue
from langgraph.constants import END, START
from langgraph.graph.state import CompiledStateGraph
from langgraph.pregel import Pregel
from pydantic import BaseModel

from toolcrib.agents.shape.types import constraints, is_built, name_of, required_of, schema_of
from toolcrib.core.compat.shapes import FieldShape, GraphShape, StateShape, fingerprint

Graph = Pregel[Any, Any, Any, Any]
PREVIOUS = "__previous__"
"""Channel of a workflow function's last return value."""
_ENDS = MappingProxyType({START: "start", END: "end"})


def graph_shape(graph: Graph, *, code: str) -> GraphShape:
    """Nodes, edges and pauses, those of subgraphs too.

    Args:
        graph: the compiled graph.
        code: digest of the code it is made of.
    """
    nodes: set[str] = set()
    edges: set[str] = set()
    pauses: set[str] = set()
    for prefix, one in _graphs(graph):
        own = [name for name in one.nodes if name != START]
        nodes |= {f"{prefix}{name}" for name in own}
        edges |= set(_edges(one, prefix))
        for word, chosen in (("before", one.interrupt_before_nodes), ("after", one.interrupt_after_nodes)):
            pauses |= {f"{word} {prefix}{name}" for name in (own if chosen == "*" else chosen)}
    return GraphShape(nodes=tuple(sorted(nodes)), edges=tuple(sorted(edges)), pauses=tuple(sorted(pauses)), code=code)


def state_shape(graph: Graph, *, number: int | None) -> StateShape:
    """The fields of the state, those of subgraphs too.

    Args:
        graph: the compiled graph.
        number: what its author calls the state.
    """
    fields = {f"{prefix}{name}": field for prefix, one in _graphs(graph) for name, field in _fields(one)}
    ordered = dict(sorted(fields.items()))
    canonical = {name: field.model_dump(mode="json") for name, field in ordered.items()}
    return StateShape(fields=ordered, id=f"s-{fingerprint(canonical)[:12]}", number=number)


def _graphs(graph: Graph, prefix: str = "", met: frozenset[int] = frozenset()) -> Iterator[tuple[str, Graph]]:
    """The graph and all graphs that are nodes in it, with what stands in front of their names."""
    yield prefix, graph
    for name, inner in graph.get_subgraphs():
        if isinstance(inner, Pregel) and id(inner) not in met:
            yield from _graphs(inner, f"{prefix}{name}:", met | {id(graph)})


def _edges(graph: Graph, prefix: str) -> Iterator[str]:
    """As they were written down; graphs that are not made by a `StateGraph` have none."""
    if not isinstance(graph, CompiledStateGraph):
        return
    built = graph.builder

    def named(name: str) -> str:
        return f"{prefix}{_ENDS.get(name, name)}"

    for start, end in built.edges:
        yield f"{named(start)} -> {named(end)}"
    for starts, end in built.waiting_edges:
        yield f"{' + '.join(named(start) for start in sorted(starts))} -> {named(end)}"
    for start, branches in built.branches.items():
        for branch in branches.values():
            for end in ["anywhere"] if branch.ends is None else branch.ends.values():
                yield f"{named(start)} ~> {named(end)}"
    for name, node in built.nodes.items():
        for end in node.ends or ():
            yield f"{named(name)} ~> {named(end)}"


def _fields(graph: Graph) -> Iterator[tuple[str, FieldShape]]:
    """What is saved: the fields of the schemas, or what a workflow function (`entrypoint`) returned the last time.

    A schema that is only for the input is never built from what is saved.
    """
    schemas: dict[Any, Any] = {}
    channels: Mapping[str, Any] = {name: one for name, one in graph.channels.items() if name == PREVIOUS}
    if isinstance(graph, CompiledStateGraph):
        built, channels = graph.builder, graph.builder.channels
        schemas = {one: names for one, names in built.schemas.items() if one is not built.input_schema}
        schemas[built.state_schema] = built.schemas[built.state_schema]
    for name, channel in channels.items():
        if not isinstance(channel, UntrackedValue):
            owners = [schema for schema, names in schemas.items() if name in names]
            yield name, _field(name, channel, owners)


def _field(name: str, channel: Any, owners: list[Any]) -> FieldShape:
    kind = schema_of(channel.ValueType)
    for owner in owners:
        if isinstance(owner, type) and issubclass(owner, BaseModel) and name in owner.model_fields:
            kind |= constraints(owner.model_fields[name].metadata)
    missing = "default" if channel.is_available() else _missing(name, owners)
    return FieldShape(type=kind, reducer=_reducer(channel), missing=missing)


def _reducer(channel: Any) -> str:
    """The function that merges updates; for a channel that has none and does not keep the last value its own name."""
    function = getattr(channel, "operator", None) or getattr(channel, "reducer", None)
    if function is not None:
        return name_of(function)
    name = type(channel).__name__
    return "" if name == "LastValue" else name


def _missing(name: str, owners: list[Any]) -> Literal["default", "absent", "refused"]:
    """The strictest of the schemas that have the field."""
    found = {_missing_in(name, owner) for owner in owners}
    return "refused" if "refused" in found else "absent" if "absent" in found or not found else "default"


def _missing_in(name: str, schema: Any) -> Literal["default", "absent", "refused"]:
    if is_built(schema):
        return "refused" if name in required_of(schema) else "default"
    return "absent" if name in getattr(schema, "__required_keys__", (name,)) else "default"

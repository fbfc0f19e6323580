"""Releases to compare, in few words."""

from typing import Any

from toolcrib.core.compat.shapes import (
    AgentShape,
    FieldShape,
    GraphShape,
    Shape,
    Side,
    StateShape,
    ToolShape,
    fingerprint,
)

TEXT = {"type": "string"}
WHOLE = {"type": "integer"}


def tool(*required: str, **properties: Any) -> ToolShape:
    schema = {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}
    return ToolShape(digest="1", description="d", args_schema=schema, file="tools/t.py", line=3)


def agent(*tools: str, patterns: tuple[str, ...] = ("*",), **more: Any) -> AgentShape:
    settings = {name: fingerprint(value) for name, value in more.pop("settings", {"kind": "graph"}).items()}
    return AgentShape(settings=settings, tools=tools, patterns=patterns, file="graphs/g.py", **more)


def graph(*edges: str, pauses: tuple[str, ...] = (), code: str = "1") -> GraphShape:
    nodes = {word for edge in edges for word in edge.replace("~>", "->").split(" -> ")} - {"start", "end"}
    return GraphShape(nodes=tuple(sorted(nodes)), edges=tuple(sorted(edges)), pauses=pauses, code=code)


def state(**fields: FieldShape) -> StateShape:
    return StateShape(fields=fields, id=fingerprint({name: one.model_dump() for name, one in fields.items()}))


def used(**tools: ToolShape) -> Shape:
    """A release with an agent that may call all of these."""
    return Shape(tools=tools, agents={"a": agent(*sorted(tools))})


def side(shape: Shape | None, release: str = "r-1", **prompts: str) -> Side:
    return Side(release=release, shape=shape, prompts={f"prompts/{name}.md": text for name, text in prompts.items()})

"""The shape of a release: tools, agents, graphs and states as far as callers and threads depend on them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Shape(BaseModel):
    """What is kept of a part of a release; fields of newer versions are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ToolShape(_Shape):
    """A tool, as far as its callers depend on it.

    Attributes:
        digest: of its code.
        description: fingerprint of its text.
        policy: fields that differ from the defaults.
        variants: `agent/tenant` -> the same, where one of them has a policy of its own.
        sensitive: what must not be shown of its arguments (`args`) and its result (`result`): masks.
        file, line: where it is defined.
    """

    digest: str = ""
    description: str = ""
    args_schema: dict[str, Any] = Field(default_factory=dict)
    result_schema: dict[str, Any] | None = None
    policy: dict[str, Any] = Field(default_factory=dict)
    variants: dict[str, dict[str, Any]] = Field(default_factory=dict)
    sensitive: dict[str, Any] = Field(default_factory=dict)
    file: str = ""
    line: int = 0


class GraphShape(_Shape):
    """A compiled graph; what lies in a subgraph has the node's name in front: `review:approve`.

    Attributes:
        nodes: sorted; without start and end.
        edges: `a -> b`, `a ~> b` when a condition decides, `a + b -> c` when both are waited for; sorted.
        pauses: `before a` and `after a`, where the graph was compiled to stop; sorted.
        code: digest of the code it is made of; empty for graphs of toolcrib's own.
    """

    nodes: tuple[str, ...] = ()
    edges: tuple[str, ...] = ()
    pauses: tuple[str, ...] = ()
    code: str = ""


class FieldShape(_Shape):
    """A field of a graph's state.

    Attributes:
        type: as JSON Schema, `class` for what JSON cannot say.
        reducer: name of what merges updates, empty for the last one; other channels by their own name.
        missing: what a thread finds that was saved before the field was there: its `default`, nothing (`absent`), or a
            state that cannot be built (`refused`).
    """

    type: dict[str, Any] = Field(default_factory=dict)
    reducer: str = ""
    missing: Literal["default", "absent", "refused"] = "default"


class StateShape(_Shape):
    """What a checkpoint of an agent's thread holds.

    Attributes:
        id: changes when any field does.
        number: what `state_schema` in `agents.yaml` calls it.
    """

    fields: dict[str, FieldShape] = Field(default_factory=dict)
    id: str = ""
    number: int | None = None


class MigrationShape(_Shape):
    """A migration of an agent's saved state, as far as a thread's way depends on it; see `core.migrations.Revision`."""

    revision: str
    nodes: dict[str, str] = Field(default_factory=dict)
    reversible: bool = False
    file: str = ""


class AgentShape(_Shape):
    """An agent, as far as its threads depend on it.

    Attributes:
        settings: field of `agents.yaml` -> fingerprint of its value, which may hold secrets.
        prompt: fingerprint of its text.
        tools: names of the tools it may call, sorted.
        patterns: what `agents.yaml` says of them.
        graph, state: of the compiled graph.
        threads: class of the checkpointer its author compiled in; empty when its threads are kept by toolcrib.
        file: where its graph is made, else where it is written down.
        migrations: of its threads' saved state, the oldest first.
    """

    settings: dict[str, str] = Field(default_factory=dict)
    prompt: str = ""
    tools: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    graph: GraphShape = Field(default_factory=GraphShape)
    state: StateShape = Field(default_factory=StateShape)
    threads: str = ""
    file: str = ""
    migrations: tuple[MigrationShape, ...] = ()


class Shape(_Shape):
    """What must be known of a release to compare it with others, kept beside its manifest: name -> tool, agent."""

    tools: dict[str, ToolShape] = Field(default_factory=dict)
    agents: dict[str, AgentShape] = Field(default_factory=dict)

    def to_json(self) -> str:
        """JSON for `from_json`. Schemas of others hold what JSON cannot say (default values, half characters)."""
        return json.dumps(self.model_dump(), separators=(",", ":"), default=str)

    @classmethod
    def from_json(cls, text: str | bytes) -> "Shape":
        """The inverse of `to_json`."""
        return cls.model_validate(json.loads(text))


def fingerprint(value: Any) -> str:
    """A short digest of a value's JSON form, the same in every process."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of two releases that are compared: its shape, None when it is not known, and its prompts (path -> text)."""

    release: str
    shape: Shape | None
    prompts: Mapping[str, str] = field(default_factory=dict)

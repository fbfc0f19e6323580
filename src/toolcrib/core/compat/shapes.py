"""The shape of a release: tools, agents, graphs and states as far as callers and threads depend on them."""

import hashlib
import json
from collections.abc import Collection, Mapping
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


class TenantShape(_Shape):
    """What a tenant sees otherwise than all others: name -> tool, None where it is taken away; name -> agent."""

    tools: dict[str, ToolShape | None] = Field(default_factory=dict)
    agents: dict[str, AgentShape] = Field(default_factory=dict)


class ExperimentShape(_Shape):
    """An experiment: by what and with which salt it chooses, variant -> weight, variant -> digest of what it changes.

    `outside` are the tenants that take no part.
    """

    by: str = ""
    salt: str = ""
    weights: dict[str, float] = Field(default_factory=dict)
    variants: dict[str, str] = Field(default_factory=dict)
    outside: tuple[str, ...] = ()


class Shape(_Shape):
    """What must be known of a release to compare it with others, kept beside its manifest: name -> tool, agent.

    `tenants` are those who see other tools or agents, not only other policies; `money` is what it says of budgets and
    prices: place in agents.yaml -> words.
    """

    tools: dict[str, ToolShape] = Field(default_factory=dict)
    agents: dict[str, AgentShape] = Field(default_factory=dict)
    tenants: dict[str, TenantShape] = Field(default_factory=dict)
    experiments: dict[str, ExperimentShape] = Field(default_factory=dict)
    money: dict[str, str] = Field(default_factory=dict)

    def seen_by(self, tenant: str) -> "Shape":
        """The tools and agents as one tenant sees them."""
        own = self.tenants.get(tenant) or TenantShape()
        tools = {name: _under(tool, tenant) for name, tool in self.tools.items() if name not in own.tools}
        tools |= {name: tool for name, tool in own.tools.items() if tool is not None}
        return Shape(tools=tools, agents={**self.agents, **own.agents})

    def only(self, *, tools: Collection[str] | None = None, agents: Collection[str] | None = None) -> "Shape":
        """The same with these tools and these agents alone; None keeps all."""
        return Shape(
            tools={name: one for name, one in self.tools.items() if tools is None or name in tools},
            agents={name: one for name, one in self.agents.items() if agents is None or name in agents},
        )

    def to_json(self) -> str:
        """JSON for `from_json`. Schemas of others hold what JSON cannot say (default values, half characters)."""
        return json.dumps(self.model_dump(), separators=(",", ":"), default=str)

    @classmethod
    def from_json(cls, text: str | bytes) -> "Shape":
        """The inverse of `to_json`."""
        return cls.model_validate(json.loads(text))


def _under(tool: ToolShape, tenant: str) -> ToolShape:
    """A tool with the policies that calls of this tenant find: its own word goes before that of an agent."""
    here = f"/{tenant}"
    if not any(whom.endswith(here) for whom in tool.variants):
        return tool.model_copy(update={"variants": {k: v for k, v in tool.variants.items() if k.endswith("/")}})
    agents = {f"{whom.partition('/')[0]}/": one for whom, one in tool.variants.items() if whom.endswith(here)}
    policy = agents.pop("/", tool.policy)
    return tool.model_copy(update={"policy": policy, "variants": agents})


def own_names(older: Shape, newer: Shape) -> dict[str, tuple[set[str], set[str]]]:
    """Tenant -> names of the tools, and of the agents, that it has otherwise than others in one of the two."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for shape in (older, newer):
        for tenant, own in shape.tenants.items():
            tools, agents = found.setdefault(tenant, (set(), set()))
            tools.update(own.tools)
            agents.update(own.agents)
    return found


def fingerprint(value: Any) -> str:
    """A short digest of a value's JSON form, the same in every process."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of two releases that are compared: its shape, None when it is not known, and its prompts (path -> text)."""

    release: str
    shape: Shape | None
    prompts: Mapping[str, str] = field(default_factory=dict)

"""`Release`: the immutable catalogue of everything one deployment brought."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from toolcrib.core.agents import Agent
from toolcrib.core.chain import CallNext
from toolcrib.core.compat.shapes import Shape
from toolcrib.core.errors import AgentNotFound, ToolNotFound
from toolcrib.core.names import did_you_mean
from toolcrib.core.releases import Manifest
from toolcrib.core.tools import ResourceSpec, Tool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Release:
    """One deployment, ready to serve. Nothing in it changes after it was made; unchanged parts are shared with others.

    Attributes:
        id: `r-` and eight hex digits.
        manifest: what it is made of; its digest is the release's.
        tools: name -> tool.
        chains: name -> the tool's composed policy chain.
        variants: (tool, agent, tenant) -> the tool and its chain where an agent or a tenant has a policy of its own;
            an empty agent or tenant stands for all.
        agents: name -> agent with its compiled graph.
        prompts: path in the project -> text.
        resources: name -> resource that its tools may need.
        modules: the space of its loaded modules, for retirement; opaque here.
        shape: what is compared with other releases.
    """

    id: str
    manifest: Manifest
    tools: Mapping[str, Tool]
    chains: Mapping[str, CallNext]
    variants: Mapping[tuple[str, str, str], tuple[Tool, CallNext]] = field(default_factory=dict)
    agents: Mapping[str, Agent] = field(default_factory=dict)
    prompts: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, ResourceSpec] = field(default_factory=dict)
    modules: Any = None
    shape: Shape = field(default_factory=Shape)

    @property
    def digest(self) -> str:
        """Digest of the manifest."""
        return self.manifest.digest

    def resolve(self, name: str, *, agent: str = "", tenant: str = "") -> tuple[Tool, CallNext] | None:
        """The tool and its chain for this caller: the most specific policy wins, a tenant's above an agent's."""
        if self.variants and (found := self._variant(name, agent, tenant)):
            return found
        chain = self.chains.get(name)
        return None if chain is None else (self.tools[name], chain)

    def _variant(self, name: str, agent: str, tenant: str) -> tuple[Tool, CallNext] | None:
        keys = ((name, agent, tenant), (name, "", tenant), (name, agent, ""))
        return next((self.variants[key] for key in keys if key in self.variants), None)

    def tool(self, name: str, *, agent: str = "", tenant: str = "") -> Tool:
        """The tool of this name, under the policy it has for this agent and tenant.

        Raises:
            ToolNotFound: with near names.
        """
        if found := self._variant(name, agent, tenant):
            return found[0]
        if tool := self.tools.get(name):
            return tool
        raise ToolNotFound(f"There is no tool named {name!r}.", hint=did_you_mean(name, self.tools))

    def agent(self, name: str) -> Agent:
        """The agent of this name.

        Raises:
            AgentNotFound: with near names.
        """
        if agent := self.agents.get(name):
            return agent
        raise AgentNotFound(f"There is no agent named {name!r}.", hint=did_you_mean(name, self.agents))

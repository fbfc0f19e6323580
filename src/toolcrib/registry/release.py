"""`Release`: the immutable catalogue of everything one deployment brought."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from toolcrib.core.agents import Agent
from toolcrib.core.chain import CallNext
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
        agents: name -> agent with its compiled graph.
        prompts: path in the project -> text.
        resources: name -> resource that its tools may need.
        modules: the space of its loaded modules, for retirement; opaque here.
    """

    id: str
    manifest: Manifest
    tools: Mapping[str, Tool]
    chains: Mapping[str, CallNext]
    agents: Mapping[str, Agent] = field(default_factory=dict)
    prompts: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, ResourceSpec] = field(default_factory=dict)
    modules: Any = None

    @property
    def digest(self) -> str:
        """Digest of the manifest."""
        return self.manifest.digest

    def tool(self, name: str) -> Tool:
        """The tool of this name.

        Raises:
            ToolNotFound: with near names.
        """
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

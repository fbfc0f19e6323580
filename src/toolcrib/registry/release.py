"""`Release`: the immutable catalogue of everything one deployment brought."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from toolcrib.core.agents import Agent
from toolcrib.core.chain import CallNext
from toolcrib.core.compat.shapes import Shape
from toolcrib.core.errors import AgentNotFound, ToolNotFound
from toolcrib.core.experiments.arms import Arm, Arms
from toolcrib.core.experiments.values import Experiment
from toolcrib.core.money import Spending
from toolcrib.core.names import did_you_mean
from toolcrib.core.releases import Manifest
from toolcrib.core.tools import ResourceSpec, Tool
from toolcrib.registry.experiments import choose

Key = tuple[str, str, str | Arm]
"""Tool, agent, and a tenant or a variant of an experiment; empty stands for all."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Release:
    """One deployment, ready to serve. Nothing in it changes after it was made; unchanged parts are shared with others.

    Attributes:
        id: `r-` and eight hex digits.
        manifest: what it is made of; its digest is the release's.
        tools: name -> tool.
        chains: name -> the tool's composed policy chain.
        variants: (tool, agent, tenant) -> the tool and its chain where an agent or a tenant has another one, or another
            policy; an empty agent or tenant stands for all. In the place of a tenant there may be an arm: what those
            have who are in that variant of an experiment.
        withheld: the same -> the place in the project that takes the tool away from these callers.
        disabled: name -> the place that takes a tool away from all callers who have no word of their own.
        listed: tenant -> names of the tools it sees, sorted, where they are not those of all.
        agents: name -> agent with its compiled graph.
        agent_variants: (agent, tenant) -> the agent, where a tenant has another one; or an arm, as in `variants`.
        experiments: name -> experiment.
        prompts: path in the project -> text.
        resources: name -> resource that its tools may need.
        spending: what it says of money: prices of models, budgets.
        modules: the space of its loaded modules, for retirement; opaque here.
        shape: what is compared with other releases.
    """

    id: str
    manifest: Manifest
    tools: Mapping[str, Tool]
    chains: Mapping[str, CallNext]
    variants: Mapping[Key, tuple[Tool, CallNext]] = field(default_factory=dict)
    withheld: Mapping[Key, str] = field(default_factory=dict)
    disabled: Mapping[str, str] = field(default_factory=dict)
    listed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    agents: Mapping[str, Agent] = field(default_factory=dict)
    agent_variants: Mapping[tuple[str, str | Arm], Agent] = field(default_factory=dict)
    experiments: Mapping[str, Experiment] = field(default_factory=dict)
    prompts: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, ResourceSpec] = field(default_factory=dict)
    spending: Spending = field(default_factory=Spending)
    modules: Any = None
    shape: Shape = field(default_factory=Shape)

    @property
    def digest(self) -> str:
        """Digest of the manifest."""
        return self.manifest.digest

    def arms(self, *, tenant: str = "", user: str = "", thread: str = "") -> Arms:
        """The variants of all experiments that this caller is in; nothing else but these words decides."""
        if not self.experiments:
            return ()
        chosen = (choose(one, tenant=tenant, user=user, thread=thread) for one in self.experiments.values())
        return tuple(arm for arm in chosen if arm)

    def concerning(self, arms: Arms, *, agent: str = "", tools: Collection[str] = ()) -> Arms:
        """Those of the arms whose experiments change this agent, or one of these tools."""
        if not arms:
            return arms
        every = ((arm, self.experiments[arm.experiment]) for arm in arms)
        return tuple(arm for arm, one in every if agent in one.agents or not one.tools.isdisjoint(tools))

    def resolve(self, name: str, *, agent: str = "", tenant: str = "", arms: Arms = ()) -> tuple[Tool, CallNext] | None:
        """The tool and its chain for this caller: the most specific word wins, a tenant's above an agent's.

        A caller in a variant has no word of its tenant about the tool: such tenants take no part.
        """
        if key := self._word(name, agent, tenant, arms):
            return self.variants.get(key)
        chain = self.chains.get(name)
        return None if chain is None else (self.tools[name], chain)

    def find(self, name: str, *, agent: str = "", tenant: str = "", arms: Arms = ()) -> Tool | None:
        """The tool that this caller sees, if there is one."""
        if key := self._word(name, agent, tenant, arms):
            return self.variants[key][0] if key in self.variants else None
        return self.tools.get(name)

    def _word(self, name: str, agent: str, tenant: str, arms: Arms) -> Key | None:
        """The most specific key under which something is said of the tool for this caller."""
        if not (self.variants or self.withheld):  # the rule
            return None
        keys: tuple[Key, ...] = ((name, agent, tenant), (name, "", tenant), (name, agent, ""))
        if arms:
            keys = (*((name, whose, arm) for arm in arms for whose in (agent, "")), *keys)
        return next((key for key in keys if key in self.variants or key in self.withheld), None)

    def tool(self, name: str, *, agent: str = "", tenant: str = "", arms: Arms = ()) -> Tool:
        """The tool of this name, under the policy it has for this agent and tenant.

        Raises:
            ToolNotFound: with near names, of those that the caller sees.
        """
        if tool := self.find(name, agent=agent, tenant=tenant, arms=arms):
            return tool
        raise ToolNotFound(f"There is no tool named {name!r}.", hint=did_you_mean(name, self.names(tenant)))

    def names(self, tenant: str = "") -> Collection[str]:
        """Names of the tools that this tenant sees, whichever agent calls; empty stands for callers without one."""
        return self.listed.get(tenant, self.tools)

    def tools_of(self, tenant: str = "") -> Mapping[str, Tool]:
        """Name -> tool, of all that this tenant sees."""
        return {name: tool for name in self.names(tenant) if (tool := self.find(name, tenant=tenant))}

    @property
    def all_tools(self) -> Iterator[Tool]:
        """Every tool as somebody has it: one for all callers, and one for each variant."""
        yield from self.tools.values()
        yield from (tool for tool, _ in self.variants.values())

    def why_missing(self, name: str, *, agent: str = "", tenant: str = "") -> str:
        """The place in the project that takes a tool away from this caller; empty when nothing does."""
        key = self._word(name, agent, tenant, ())
        return self.withheld.get(key, "") if key else self.disabled.get(name, "")

    def agent(self, name: str, *, tenant: str = "", arms: Arms = ()) -> Agent:
        """The agent of this name, as this tenant has it, or those in a variant.

        Raises:
            AgentNotFound: with near names, of those that the tenant sees.
        """
        whose: tuple[str | Arm, ...] = (*arms, tenant)
        for whom in whose:
            if agent := self.agent_variants.get((name, whom)):
                return agent
        if agent := self.agents.get(name):
            return agent
        raise AgentNotFound(f"There is no agent named {name!r}.", hint=did_you_mean(name, self.agents_of(tenant)))

    def agents_of(self, tenant: str = "") -> Mapping[str, Agent]:
        """Name -> agent, of all that this tenant sees."""
        return {**self.agents, **{name: one for (name, of), one in self.agent_variants.items() if of == tenant}}

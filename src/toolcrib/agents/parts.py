"""What an agent is made of, and what its model is told of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import SystemMessage

from toolcrib.agents.models.offer import Bind, Offer
from toolcrib.agents.models.plans import choices
from toolcrib.agents.models.routing import RouteFunction, Router
from toolcrib.core.agents import AgentSpec
from toolcrib.core.tools import ToolSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentParts:
    """What an agent is made of: one release's spec, prompt, tools, and the function that chooses its models' tier."""

    name: str
    spec: AgentSpec
    prompt: str
    tools: Sequence[ToolSpec]
    release: str
    router: RouteFunction | None = None


class Voice:
    """What the model is told of one agent, for one tenant or in some variants.

    Attributes:
        parts: what the agent is made of.
        system: its prompt as messages that stand before all others; none without a prompt.
        models: those it may ask.
        offer: its tools.
        router: chooses the tier of its models, where the project has a function for that.
    """

    def __init__(self, parts: AgentParts, *, bind: Bind | None = None) -> None:
        self.parts = parts
        self.system = (SystemMessage(parts.prompt),) if parts.prompt else ()
        self.models = choices(parts.spec)
        self.offer = Offer(parts.tools, bind=bind)
        self.router = Router(parts.router) if parts.router else None

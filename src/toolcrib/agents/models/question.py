"""What an agent asks its model."""

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import BaseMessage

from toolcrib.agents.models.offer import Offer
from toolcrib.agents.models.plans import Choice
from toolcrib.agents.models.routing import Router
from toolcrib.core.agents import AgentSpec
from toolcrib.core.quick_init import quick_init


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What an agent asks its model.

    Attributes:
        agent: its name.
        spec: how it asks its models.
        models: all that it may ask.
        release: id of the release it is of.
        messages: all that the model is told, the prompt included.
        offer: the tools that the model may call; `Offer()` for none.
        stop: words at which the model is to stop writing.
        router: the project's function that chooses a tier, if it has one.
    """

    agent: str
    spec: AgentSpec
    models: Sequence[Choice]
    release: str
    messages: Sequence[BaseMessage]
    offer: Offer
    stop: tuple[str, ...] = ()
    router: Router | None = None

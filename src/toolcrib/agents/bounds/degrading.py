"""Degradation: when an agent's models fail, one of them is asked once more, without tools, for what is known."""

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig

from toolcrib.agents.models.asking import Answer, ask
from toolcrib.agents.models.names import provider_of
from toolcrib.agents.models.offer import Offer
from toolcrib.agents.models.plans import choices
from toolcrib.agents.models.question import Question
from toolcrib.agents.scope import RunScope
from toolcrib.core.agents import AgentSpec
from toolcrib.core.errors import ToolcribError

log = logging.getLogger(__name__)
_PLEASE = (
    "The tools cannot be used any more. Answer the last question now, from what is known above; say what you could not"
    " find out."
)


async def without_tools(question: Question, scope: RunScope, config: RunnableConfig, failed: ToolcribError) -> Answer:
    """Ask the agent's model for emergencies, or its simplest one, once more for an answer, and tell of it.

    It is told of the calls so far as text: there are providers that refuse a thread with calls and without tools.

    Args:
        question: what the agent asked.
        scope: the run that asks.
        config: what LangGraph gave the node that asks.
        failed: what the agent's own way ended with.

    Raises:
        ToolcribError: `failed`: the agent has no degradation, or this model fails too.
    """
    policy = question.spec.degrade
    if policy is None or not policy.ask:
        raise failed
    told = [*_as_text(question.messages), HumanMessage(_PLEASE)]
    spec = _for_emergencies(question.spec, policy.model)
    plain = replace(question, spec=spec, models=choices(spec), messages=told, offer=Offer(), stop=(), router=None)
    until = scope.clock.monotonic() + policy.timeout_s
    try:
        answer = await ask(plain, replace(scope, tier="simple"), config, until)
    except ToolcribError as again:
        log.warning("model for emergencies failed too", extra={"agent": question.agent, "error_code": again.code})
        raise failed from again
    scope.notify("answer.degraded", {"code": failed.code, "message": failed.message, "model": answer.model})
    return answer


def _for_emergencies(spec: AgentSpec, model: str) -> AgentSpec:
    """The agent's models, or this one; options of the agent may be another provider's key or address."""
    if not model:
        return spec
    options = spec.model_options if provider_of(model) == provider_of(choices(spec)[0].model) else {}
    return spec.model_copy(update={"model": model, "model_options": options})


def _as_text(messages: Sequence[BaseMessage]) -> Iterator[BaseMessage]:
    """The messages without calls and results of any provider's form."""
    for message in messages:
        if isinstance(message, ToolMessage):
            yield HumanMessage(f"[Result of {message.name or 'the tool'}] {message.text}")
        elif isinstance(message, AIMessage):
            calls = [
                f"[Called {one['name']} with {json.dumps(one['args'], default=str)}]" for one in message.tool_calls
            ]
            yield AIMessage("\n".join(part for part in (str(message.text), *calls) if part) or "…")
        else:
            yield message

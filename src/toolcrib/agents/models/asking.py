"""Asking a model: from an agent's messages and tools to the answer, and the step of the trace that tells of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import RunnableConfig

from toolcrib.agents.models.attempt import Attempt, attempt
from toolcrib.agents.models.offer import Offer, hidden_now
from toolcrib.agents.money.purse import Bill
from toolcrib.agents.scope import RunScope
from toolcrib.core.agents import AgentSpec

_LEAST_S = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What an agent asks its model.

    Attributes:
        agent: its name.
        spec: which model it asks, and how.
        release: id of the release it is of.
        messages: all that the model is told, the prompt included.
        offer: the tools that the model may call; `Offer()` for none.
        stop: words at which the model is to stop writing.
    """

    agent: str
    spec: AgentSpec
    release: str
    messages: Sequence[BaseMessage]
    offer: Offer
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of it, the name of the model that answered, and what that cost."""

    message: AIMessage
    model: str
    bill: Bill


async def ask(question: Question, scope: RunScope, config: RunnableConfig, deadline: float) -> Answer:
    """Ask the agent's model, and tell the run's listeners of the answer.

    Args:
        question: what is asked.
        scope: the run that asks.
        config: what LangGraph gave the node that asks; so pieces of the answer come out of its stream.
        deadline: reading of the monotonic clock at which the answer must be there; the run's own is looked at too.

    Raises:
        RunTimeout: there was no answer in time.
        BudgetExceeded, PriceUnknown: it may not be asked.
        ModelUnavailable: the model cannot be made.
        ToolcribError: the model cannot call tools.
        Exception: whatever the provider's package raises.
    """
    name, options = question.spec.model, question.spec.model_options
    model = await scope.models.get(name, options)
    definitions = question.offer.definitions(name, hidden_now(scope, question.offer))
    until = deadline if scope.deadline is None else min(deadline, scope.deadline)
    once = Attempt(
        agent=question.agent,
        model=name,
        options=options,
        messages=question.messages,
        definitions=definitions,
        asking=question.offer.bind(model, definitions, question.stop),
        left_s=max(_LEAST_S, until - scope.clock.monotonic()),
    )
    paid = await attempt(once, scope, config)
    answer = Answer(message=paid.message, model=name, bill=paid.bill)
    scope.notify("model.finished", _step(question, answer))
    return answer


def _step(question: Question, answer: Answer) -> Mapping[str, Any]:
    """The answer as a step of the trace."""
    return {
        "model": answer.model,
        "release": question.release,
        **answer.bill.to_dict(),
        "tool_calls": [call["name"] for call in answer.message.tool_calls],
    }

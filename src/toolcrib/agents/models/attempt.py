"""One attempt at one named model: the only place where a model is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import RunnableConfig

from toolcrib.agents.models.offer import Asking, Definitions
from toolcrib.agents.money.estimate import usage_of
from toolcrib.agents.money.purse import Bill, Order, Paid
from toolcrib.agents.scope import RunScope
from toolcrib.core.errors import RunTimeout
from toolcrib.core.money import Usage
from toolcrib.execution.alarm import TimeIsOver, within


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What one attempt is made with.

    Attributes:
        agent: name of the agent that asks.
        model: name of the model, as in `agents.yaml`.
        options: keyword arguments it was made with.
        messages: all that it is told, the prompt included.
        definitions: the tools it is offered.
        asking: the model itself, bound to its tools.
        left_s: seconds it may take.
    """

    agent: str
    model: str
    options: Mapping[str, Any]
    messages: Sequence[BaseMessage]
    definitions: Definitions
    asking: Asking
    left_s: float


async def attempt(once: Attempt, scope: RunScope, config: RunnableConfig) -> Paid:
    """Ask once, and pay for it.

    Raises:
        BudgetExceeded: there is no room for what it may cost; the model was not asked.
        PriceUnknown: dollars are limited, and the model has no price.
        RunTimeout: there was no answer in time.
        Exception: whatever the provider's package raises.
    """
    order = Order(model=once.model, options=once.options, messages=once.messages, definitions=once.definitions)
    if scope.purse is None:
        message = await _asked(once, config)
        return Paid(message=message, bill=Bill(usage=usage_of(message) or Usage()))
    return await scope.purse.pay(order, lambda: _asked(once, config))


async def _asked(once: Attempt, config: RunnableConfig) -> AIMessage:
    try:
        return await within(once.left_s, lambda given: once.asking.ainvoke(list(given), config), once.messages)
    except TimeIsOver as error:
        raise RunTimeout(
            f"The model did not answer within {once.left_s:.3g} s.",
            hint="Raise `limits.iteration_timeout_s` in agents.yaml.",
        ) from error

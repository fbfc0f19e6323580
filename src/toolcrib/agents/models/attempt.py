"""One attempt at one named model: the only place where a model is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import RunnableConfig

from toolcrib.agents.models.failures import StreamBroken
from toolcrib.agents.models.offer import Asking, Definitions
from toolcrib.agents.models.pieces import Pieces
from toolcrib.agents.money.estimate import usage_of
from toolcrib.agents.money.purse import Bill, Order, Paid
from toolcrib.agents.scope import RunScope
from toolcrib.core.errors import RunTimeout
from toolcrib.core.models import Tier
from toolcrib.core.money import Usage
from toolcrib.core.quick_init import quick_init
from toolcrib.execution.alarm import TimeIsOver, within
from toolcrib.execution.loops import on_loop


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What one attempt is made with.

    Attributes:
        agent: name of the agent that asks.
        model: name of the model, as in `agents.yaml`.
        tier: the run's; None for an agent without tiers.
        options: keyword arguments it was made with.
        messages: all that it is told, the prompt included.
        definitions: the tools it is offered.
        asking: the model itself, bound to its tools.
        left_s: seconds it may take.
        limit: name of the limit these seconds come from.
    """

    agent: str
    model: str
    tier: Tier | None = None
    options: Mapping[str, Any]
    messages: Sequence[BaseMessage]
    definitions: Definitions
    asking: Asking
    left_s: float
    limit: str = "iteration_timeout_s"


async def attempt(once: Attempt, scope: RunScope, config: RunnableConfig) -> Paid:
    """Ask once, and pay for it. Pieces of text that were told of an answer that never ended are taken back.

    Raises:
        BudgetExceeded: there is no room for what it may cost; the model was not asked.
        PriceUnknown: dollars are limited, and the model has no price.
        RunTimeout: there was no answer in time.
        StreamBroken: the answer broke off.
        Exception: whatever the provider's package raises.
    """
    if scope.purse is None:
        message = await _asked(once, scope, config)
        return Paid(message=message, bill=Bill(usage=usage_of(message) or Usage()))
    order = Order(model=once.model, options=once.options, messages=once.messages, definitions=once.definitions)
    return await scope.purse.pay(order, lambda: _asked(once, scope, config))


async def _asked(once: Attempt, scope: RunScope, config: RunnableConfig) -> AIMessage:
    """The answer. The model is shared, and its HTTP client is bound to the first event loop that it is used on."""
    pieces = Pieces()
    heard = pieces.listening(config, once.asking)
    ask = partial(once.asking.ainvoke, list(once.messages), heard)
    try:
        answer = await within(once.left_s, lambda loop: on_loop(loop, ask), scope.loop)
        if pieces.broke_off(answer):
            raise StreamBroken("The stream ended in the middle of the answer.")
    except TimeIsOver as error:
        pieces.take_back(once.model)
        raise RunTimeout(
            f"The model did not answer within {round(once.left_s, 2):g} s.",
            hint=f"Raise `limits.{once.limit}` in agents.yaml.",
        ) from error
    except Exception:  # outer guard: providers raise what they like; it goes on from here as it is
        pieces.take_back(once.model)
        raise
    return pieces.as_written(answer)

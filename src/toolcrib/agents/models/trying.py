"""Trying one model: attempts with waits between them, all within the time there is."""

import asyncio
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig

from toolcrib.agents.models.attempt import Attempt, attempt
from toolcrib.agents.models.failures import fate_of, retry_after_s, status_of
from toolcrib.agents.models.offer import hidden_now
from toolcrib.agents.models.plans import Choice
from toolcrib.agents.models.question import Question
from toolcrib.agents.money.purse import Paid
from toolcrib.agents.scope import RunScope
from toolcrib.core.errors import ModelUnavailable, RunTimeout, ToolcribError
from toolcrib.core.events import ModelFinished
from toolcrib.core.models import Tier
from toolcrib.core.policies import full_jitter
from toolcrib.core.quick_init import quick_init
from toolcrib.execution.bubbling import is_bubble_up

_LEAST_S = 0.001
_OWN_LIMIT, _TURNS_LIMIT = "model_timeout_s", "iteration_timeout_s"


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What one model is asked.

    Attributes:
        question: the question.
        choice: the model.
        tier: the run's.
        until: reading of the monotonic clock at which the iteration's or the run's time is over.
        more: whether another model can be asked after this one.
    """

    question: Question
    choice: Choice
    tier: Tier | None
    until: float
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GaveUp:
    """A model that did not answer, how often it was asked, and its last failure."""

    model: str
    attempts: int
    error: Exception

    def to_dict(self) -> dict[str, Any]:
        """What is told of it to those who look on; what the provider says stays out."""
        return {"model": self.model, "attempts": self.attempts, "error": _kind(self.error)}


async def try_model(ask: Ask, scope: RunScope, config: RunnableConfig) -> tuple[Paid, int] | GaveUp:
    """Ask one model, more than once where that may help; the answer and how often it was asked, or its failure.

    Raises:
        RunTimeout: the time of the iteration or of the run is over.
        ToolcribError: what has nothing to do with this model.
    """
    began = scope.clock.monotonic()
    number = 0
    while True:
        number += 1
        try:
            paid = await _once(ask, scope, config)
        except asyncio.CancelledError as cancelled:
            _emit(ask, scope, began, number, outcome="cancelled", error=cancelled)
            raise
        except Exception as error:  # outer guard: providers raise what they like; its type and status decide
            if _ends_all(error):
                if not is_bubble_up(error):
                    outcome = "timeout" if isinstance(error, RunTimeout) else "refused"
                    _emit(ask, scope, began, number, outcome=outcome, error=error)
                raise
            failure = error
        else:
            _emit(ask, scope, began, number, outcome="ok", message=paid.message)
            return paid, number
        wait = _wait_s(failure, ask, scope, number)
        if wait is None:
            outcome = "refused" if fate_of(failure) == "stop" else "failed"
            _emit(ask, scope, began, number, outcome=outcome, error=failure)
            return GaveUp(model=ask.choice.model, attempts=number, error=failure)
        await scope.clock.sleep(wait)


async def _once(ask: Ask, scope: RunScope, config: RunnableConfig) -> Paid:
    """One attempt, with what the model is to be told now.

    Raises:
        TimeoutError: the model took longer than one attempt may; the iteration still has time.
    """
    name, options, own = ask.choice.model, ask.choice.options, ask.question.spec.limits.model_timeout_s
    model = await scope.models.get(name, options)
    definitions = ask.question.offer.definitions(name, hidden_now(scope, ask.question.offer))
    asking = ask.question.offer.bind(model, definitions, ask.question.stop)
    left = max(_LEAST_S, ask.until - scope.clock.monotonic())
    limit = _TURNS_LIMIT if own is None or left <= own else _OWN_LIMIT
    once = Attempt(
        agent=ask.question.agent,
        model=name,
        tier=ask.tier,
        options=options,
        messages=ask.question.messages,
        definitions=definitions,
        asking=asking,
        left_s=left if own is None else min(left, own),
        limit=limit,
    )
    try:
        return await attempt(once, scope, config)
    except RunTimeout as error:
        if limit == _TURNS_LIMIT:
            raise
        raise TimeoutError(f"no answer within {round(once.left_s, 2):g} s") from error


def _ends_all(error: Exception) -> bool:
    """Whether it is no failure of this model, so that no other one is to be asked."""
    return is_bubble_up(error) or (isinstance(error, ToolcribError) and not isinstance(error, ModelUnavailable))


def _wait_s(error: Exception, ask: Ask, scope: RunScope, number: int) -> float | None:
    """Seconds to wait before the next attempt; None when there is to be none.

    What the provider asks for is waited as long as there is time, but no longer than `cap_s` where another model may
    answer at once.
    """
    policy = ask.question.spec.model_retry
    if fate_of(error) != "again" or number >= policy.attempts:
        return None
    wait = retry_after_s(error, now=scope.clock.now())
    if wait is None:
        wait = full_jitter(number, base_s=policy.base_s, cap_s=policy.cap_s, uniform=scope.random.uniform)
    too_long = scope.clock.monotonic() + wait >= ask.until or (ask.more and wait > policy.cap_s)
    return None if too_long else wait


def _emit(
    ask: Ask,
    scope: RunScope,
    began: float,
    attempts: int,
    *,
    outcome: str,
    message: AIMessage | None = None,
    error: BaseException | None = None,
) -> None:
    usage = message.usage_metadata if message else None
    scope.emit(
        ModelFinished(
            model=ask.choice.model,
            tier=ask.tier or "",
            outcome=outcome,
            attempts=attempts,
            duration_s=scope.clock.monotonic() - began,
            release=ask.question.release,
            input_tokens=usage["input_tokens"] if usage else 0,
            output_tokens=usage["output_tokens"] if usage else 0,
            error=_kind(error) if error else "",
            run_id=scope.run_id,
            thread_id=scope.thread_id,
            agent=ask.question.agent,
            tenant=scope.tenant,
        )
    )


def _kind(error: BaseException) -> str:
    status = status_of(error)
    return type(error).__name__ + (f" ({status})" if status else "")

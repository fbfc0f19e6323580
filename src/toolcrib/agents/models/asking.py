"""Asking a model: from an agent's messages and tools to the answer of one of its models."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig

from toolcrib.agents.models.failures import fate_of, in_words, key_refused
from toolcrib.agents.models.pieces import tell
from toolcrib.agents.models.plans import Choice, chain
from toolcrib.agents.models.question import Question
from toolcrib.agents.models.routing import before, choose, route_question, signed
from toolcrib.agents.models.trying import Ask, GaveUp, try_model
from toolcrib.agents.money.purse import Bill
from toolcrib.agents.scope import RunScope
from toolcrib.core.errors import ModelFailed, ModelUnavailable, ToolcribError
from toolcrib.core.experiments.arms import Arms, told
from toolcrib.core.models import ModelPlan, Tier
from toolcrib.core.quick_init import quick_init

log = logging.getLogger(__name__)


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of it.

    Attributes:
        message: the answer; its `response_metadata` names model and tier.
        model: name of the model that answered.
        bill: what that answer cost.
        tier: the run's; None for an agent without tiers.
        attempts: how often that model was asked.
        failed: the models that were asked before it, each with what it failed with.
    """

    message: AIMessage
    model: str
    bill: Bill
    tier: Tier | None = None
    attempts: int = 1
    failed: tuple[GaveUp, ...] = ()


async def ask(question: Question, scope: RunScope, config: RunnableConfig, deadline: float) -> Answer:
    """Ask the agent's models in turn until one answers, and tell the run's listeners of the answer.

    Args:
        question: what is asked.
        scope: the run that asks.
        config: what LangGraph gave the node that asks; so pieces of the answer come out of its stream.
        deadline: reading of the monotonic clock at which the answer must be there; the run's own is looked at too.

    Raises:
        RunTimeout: there was no answer in time.
        BudgetExceeded, PriceUnknown: it may not be asked.
        ModelUnavailable: the only model cannot be made.
        ModelFailed: no model answered, or one refused the request.
        ToolcribError: the model cannot call tools.
    """
    until = deadline if scope.deadline is None else min(deadline, scope.deadline)
    tier, answered = await _tier(question, scope)
    models = chain(question.models, tier, answered=answered)
    failed: list[GaveUp] = []
    for place, model in enumerate(models):
        asked = Ask(question=question, choice=model, tier=tier, until=until, more=place + 1 < len(models))
        outcome = await try_model(asked, scope, config)
        if not isinstance(outcome, GaveUp):
            paid, attempts = outcome
            answer = Answer(
                message=signed(paid.message, tier=tier, model=model.model),
                model=model.model,
                bill=paid.bill,
                tier=tier,
                attempts=attempts,
                failed=tuple(failed),
            )
            scope.notify("model.finished", _step(question, answer, scope.arms))
            return answer
        failed.append(outcome)
        _tell(question, outcome, models[place + 1 :])
        tell("model.failed", outcome.to_dict())
        if fate_of(outcome.error) == "stop":
            break
    raise _failure(question, failed) from failed[-1].error


async def _tier(question: Question, scope: RunScope) -> tuple[Tier | None, str]:
    """The run's tier, decided at its first answer, and the model that gave its last one.

    Where an account is near its limit, the cheapest tier takes over from there.
    """
    plan = question.spec.model
    if not isinstance(plan, ModelPlan):
        return None, ""
    said, answered = before(question.messages)
    tier = scope.tier or said
    if tier is None:
        figures = route_question(
            plan, question.messages, tools=len(question.offer.tools), agent=question.agent, tenant=scope.tenant
        )
        tier = await choose(plan, figures, question.router)
    tier = plan.nearest(tier)
    allowed = tier if scope.purse is None else await scope.purse.tier(tier, plan.tiers)
    return allowed, answered if allowed == tier else ""


def _tell(question: Question, failed: GaveUp, rest: Sequence[Choice]) -> None:
    following = rest[0].model if rest and fate_of(failed.error) != "stop" else ""
    refused = key_refused(failed.error)
    log.warning(
        "model refused its key" if refused else "model gave no answer",
        extra={"agent": question.agent, "failure": failed.to_dict(), "next_model": following},
    )


def _failure(question: Question, failed: Sequence[GaveUp]) -> ToolcribError:
    """What the run fails with."""
    last = failed[-1].error
    if len(failed) == 1 and isinstance(last, ModelUnavailable):
        return ModelUnavailable(last.message, hint=last.hint)
    told = "; ".join(f"{one.model} ({_times(one.attempts)}): {in_words(one.error)}" for one in failed)
    if fate_of(last) == "stop":
        hint = "Look at what the provider says of the request; other models would not take it either."
        return ModelFailed(f"A model refused the request of agent {question.agent!r}. {told}", hint=hint)
    error = ModelFailed(
        f"No model answered agent {question.agent!r}. {told}",
        hint="Add models of other providers under `model: {fallback: [...]}` in agents.yaml, or ask later.",
    )
    error.retryable = fate_of(last) == "again"
    return error


def _times(attempts: int) -> str:
    return "asked once" if attempts == 1 else f"asked {attempts} times"


def _step(question: Question, answer: Answer, arms: Arms) -> Mapping[str, Any]:
    """The answer as a step of the trace."""
    step = {
        "model": answer.model,
        "tier": answer.tier or "",
        "release": question.release,
        "attempts": answer.attempts,
        **answer.bill.to_dict(),
        "tool_calls": [call["name"] for call in answer.message.tool_calls],
    }
    step |= {"failed": [one.to_dict() for one in answer.failed]} if answer.failed else {}
    return step | ({"variants": told(arms)} if arms else {})

"""Which tier a run takes: what its caller said, what it took before, a tier by name, rules, or a project's function."""

import inspect
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from toolcrib.core.models import AUTO, RULES, TIERS, ModelPlan, RouteQuestion, RouteRule, Tier
from toolcrib.execution.alarm import TimeIsOver, within

log = logging.getLogger(__name__)
RouteFunction = Callable[[RouteQuestion], Any]
ROUTER_S = 5.0
"""As long as a project's function may take to choose a tier."""
ROUTER_THREADS = 4
"""So many threads a synchronous function that never returns may come to."""
TIER, MODEL = "toolcrib_tier", "toolcrib_model"
"""What an answer's `response_metadata` says of where it came from; so a run that goes on elsewhere keeps its tier."""


def signed(message: AIMessage, *, tier: Tier | None, model: str) -> AIMessage:
    """The answer with the tier and the model it came from."""
    metadata = {**message.response_metadata, MODEL: model} | ({TIER: tier} if tier else {})
    return message.model_copy(update={"response_metadata": metadata})


def before(messages: Sequence[BaseMessage]) -> tuple[Tier | None, str]:
    """Tier and model of the run's last answer: the newest one that no human has spoken after."""
    for message in reversed(messages):
        if isinstance(message, HumanMessage):
            break
        if isinstance(message, AIMessage) and MODEL in message.response_metadata:
            said = message.response_metadata
            tier = next((one for one in TIERS if one == said.get(TIER)), None)
            return tier, str(said[MODEL])
    return None, ""


def route_question(
    plan: ModelPlan, messages: Sequence[BaseMessage], *, tools: int, agent: str, tenant: str
) -> RouteQuestion:
    """The question with its figures."""
    said = [message for message in messages if not isinstance(message, SystemMessage)]
    newest = next((message for message in reversed(said) if isinstance(message, HumanMessage)), None)
    return RouteQuestion(
        question=str(newest.text) if newest else "",
        messages=len(said),
        tools=tools,
        tiers=plan.tiers,
        agent=agent,
        tenant=tenant,
    )


def by_rules(rules: Sequence[RouteRule], asked: RouteQuestion) -> Tier | None:
    """The tier of the first rule that fits."""
    return next((rule.tier for rule in rules if rule.fits(asked)), None)


class Router:
    """A project's function that chooses a tier; a synchronous one is called in a thread: it may take its time."""

    def __init__(self, function: RouteFunction, *, timeout_s: float = ROUTER_S) -> None:
        self._function = function
        self._timeout_s = timeout_s
        self._threads = CapacityLimiter(ROUTER_THREADS)

    async def tier(self, asked: RouteQuestion) -> Tier | None:
        """What the function says; None, and a line in the log, when that is no tier."""
        try:
            said = await within(self._timeout_s, self._called, asked)
        except TimeIsOver:
            problem = f"no tier within {self._timeout_s:g} s"
        except Exception as error:  # outer guard: project code may raise anything, and a run needs no tier to go on
            log.warning("tier could not be chosen", exc_info=True, extra={"agent": asked.agent})
            problem = type(error).__name__
        else:
            if tier := _tier(said):
                return tier
            problem = f"an answer of type {type(said).__name__}, which is no tier"
        log.warning("default tier taken", extra={"agent": asked.agent, "router": problem})
        return None

    async def _called(self, asked: RouteQuestion) -> Any:
        if inspect.iscoroutinefunction(self._function):
            return await self._function(asked)
        said = await run_sync(partial(self._function, asked), abandon_on_cancel=True, limiter=self._threads)
        return await said if inspect.isawaitable(said) else said


async def choose(plan: ModelPlan, asked: RouteQuestion, router: Router | None) -> Tier:
    """The tier for a question; never raises but when it is cancelled."""
    if plan.function:
        chosen = await router.tier(asked) if router else None
    elif isinstance(plan.route, str):
        chosen = by_rules(RULES, asked) if plan.route == AUTO else _tier(plan.route)
    else:
        chosen = by_rules(plan.route, asked)
    return plan.nearest(chosen or plan.default)


def _tier(said: Any) -> Tier | None:
    return next((tier for tier in TIERS if isinstance(said, str) and tier == said), None)

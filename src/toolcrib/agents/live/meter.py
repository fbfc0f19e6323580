"""`Meter`: what the models of an own graph cost; the project's code asks them itself, through LangChain."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import LLMResult
from langchain_core.runnables import RunnableConfig

from toolcrib.agents.money.purse import Held, Order, Purse
from toolcrib.agents.scope import RunScope
from toolcrib.core.agents import Agent
from toolcrib.core.errors import ToolcribError
from toolcrib.core.events import ModelFinished
from toolcrib.execution.loops import blocks_here, from_thread

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A model that has been asked; `held` is None where nothing could be set aside before."""

    order: Order
    began: float
    held: Held | None = None


class Meter(BaseCallbackHandler):
    """Sets aside what each call of a model may cost before it is made, and pays for it after; of one run.

    LangChain tells it of a call in the thread that makes it; of an asynchronous one in a thread that may wait. A call
    that blocks the event loop cannot wait for the store: it is paid when the run is over.
    """

    raise_error = True
    ignore_chain = ignore_agent = ignore_retriever = ignore_retry = ignore_custom_event = True

    def __init__(self, scope: RunScope, purse: Purse) -> None:
        self._scope = scope
        self._purse = purse
        self._asked: dict[UUID, _Asked] = {}
        self._late: list[tuple[_Asked, AIMessage]] = []
        self._over = False

    def on_chat_model_start(
        self, serialized: dict[str, Any], messages: list[list[BaseMessage]], *, run_id: UUID, **kwargs: Any
    ) -> None:
        """A model is about to be asked.

        Raises:
            BudgetExceeded, PriceUnknown: it is not.
        """
        self._begin(run_id, messages[0], kwargs)

    def on_llm_start(self, serialized: dict[str, Any], prompts: list[str], *, run_id: UUID, **kwargs: Any) -> None:
        """The same of a model that completes text."""
        self._begin(run_id, [HumanMessage(prompt) for prompt in prompts], kwargs)

    @property
    def on_llm_new_token(self) -> Any:
        """Nothing to be done; LangChain would do it in a thread for each piece of an asynchronous call."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return _ignore
        return _ignore_async

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        """It has answered."""
        answer = _answer(response)  # raises when there is none: what is set aside is let go with the run
        asked = self._asked.pop(run_id, None)
        if asked is None:
            return
        if _was_cached(answer):
            self._let_go(asked)
        elif asked.held is None:
            self._late.append((asked, answer))
        else:
            self._try(self._paid(asked, asked.held, answer))

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """It has not."""
        if asked := self._asked.pop(run_id, None):
            self._let_go(asked)

    async def close(self) -> None:
        """The run is over: what is still set aside is not needed, what could not be paid yet is."""
        self._over = True
        for asked in (self._asked.pop(run_id) for run_id in tuple(self._asked)):
            if asked.held is not None:
                await self._purse.let_go(asked.held)
        for asked, answer in self._late:
            try:
                await self._paid(asked, await self._purse.hold(asked.order), answer)
            except ToolcribError as error:
                log.warning("answer is in no account", extra={"model": asked.order.model, "error_code": error.code})

    def _begin(self, run_id: UUID, messages: Sequence[BaseMessage], told: Mapping[str, Any]) -> None:
        order, began, loop = _order(messages, told), self._scope.clock.monotonic(), self._scope.loop
        held = None if blocks_here(loop) else from_thread(loop, partial(self._purse.hold, order))
        self._asked[run_id] = _Asked(order=order, began=began, held=held)
        if self._over:  # cancelled while it was set aside
            self._let_go(self._asked.pop(run_id))

    def _let_go(self, asked: _Asked) -> None:
        if asked.held is not None:
            self._try(self._purse.let_go(asked.held))

    def _try(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it on the project's event loop. A project that is closed by now does not take the answer away."""
        try:
            from_thread(self._scope.loop, lambda: work)
        except ToolcribError as error:
            work.close()
            log.warning("answer could not be paid", extra={"error_code": error.code})

    async def _paid(self, asked: _Asked, held: Held, answer: AIMessage) -> None:
        """Pay, and tell the run's listeners of the answer."""
        bill, scope, model = await self._purse.settle(held, answer), self._scope, asked.order.model
        calls = [call["name"] for call in answer.tool_calls]
        scope.notify(
            "model.finished",
            {"model": model, "release": scope.release.id, "attempts": 1, **bill.to_dict(), "tool_calls": calls},
        )
        scope.emit(
            ModelFinished(
                model=model,
                outcome="ok",
                attempts=1,
                duration_s=scope.clock.monotonic() - asked.began,
                release=scope.release.id,
                input_tokens=bill.usage.input_tokens,
                output_tokens=bill.usage.output_tokens,
                run_id=scope.run_id,
                thread_id=scope.thread_id,
                agent=scope.agent,
                tenant=scope.tenant,
            )
        )


def meters(agent: Agent, scope: RunScope) -> list[Meter]:
    """The callbacks with which a run of an own graph pays its models; of other agents we ask the models ourselves."""
    return [Meter(scope, scope.purse)] if agent.spec.kind == "graph" and scope.purse is not None else []


@asynccontextmanager
async def metered(agent: Agent, scope: RunScope) -> AsyncIterator[RunnableConfig]:
    """What the config of a run needs for that."""
    callbacks = meters(agent, scope)
    try:
        yield {"callbacks": [*callbacks]} if callbacks else {}
    finally:
        for meter in callbacks:
            await meter.close()


def _order(messages: Sequence[BaseMessage], told: Mapping[str, Any]) -> Order:
    """What is paid for, as LangChain tells of it (`_get_ls_params` of the model's package names it)."""
    made, meta = told.get("invocation_params") or {}, told.get("metadata") or {}
    name = meta.get("ls_model_name") or made.get("model") or made.get("model_name") or ""
    known = ":".join(str(part) for part in (meta.get("ls_provider"), name) if part)
    options = made | ({"max_tokens": meta["ls_max_tokens"]} if meta.get("ls_max_tokens") else {})
    return Order(model=known or "unknown", options=options, messages=messages, definitions=made.get("tools") or ())


def _answer(response: LLMResult) -> AIMessage:
    generation = response.generations[0][0]
    message = getattr(generation, "message", None)
    return message if isinstance(message, AIMessage) else AIMessage(generation.text)


def _was_cached(answer: AIMessage) -> bool:
    """Whether it came out of LangChain's cache, which says so by its price."""
    told: Mapping[str, Any] = answer.usage_metadata or {}
    return told.get("total_cost") == 0


def _ignore(*args: Any, **kwargs: Any) -> None:
    pass


async def _ignore_async(*args: Any, **kwargs: Any) -> None:
    pass

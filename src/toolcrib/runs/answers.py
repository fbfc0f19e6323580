"""`Answers`: a question that was answered before is answered from memory, by the same agent of the same release."""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

import orjson

from toolcrib.agents.running import Outcome, Turn, say, so_far, take_turn
from toolcrib.agents.scope import RunScope
from toolcrib.core.agents import Agent
from toolcrib.core.experiments.arms import told
from toolcrib.core.results import ToolResult
from toolcrib.core.stores.results import CacheEntry, ResultCache

HARMLESS = frozenset({"none", "read"})


class Answers:
    """Takes turns of agents, from memory where the agent's `answer_cache` and the question allow it."""

    def __init__(self, cache: ResultCache) -> None:
        self._cache = cache

    async def turn(self, agent: Agent, turn: Turn, scope: RunScope) -> Outcome:
        """See `take_turn`. An answer from memory is saved in the thread and streamed like any other.

        An answer is kept when the run came to its end by itself, and all its tool calls went well and changed nothing.
        Its key holds the release, the agent, the tenant, the variants of experiments, the tier, the question and the
        thread so far.
        """
        policy = agent.spec.answer_cache
        if policy is None or not isinstance(turn.question, str) or turn.resume is not None or turn.goes_on:
            return await take_turn(agent, turn, scope)
        key = _key(agent, turn.question, await so_far(agent, turn, scope), scope)
        if (kept := await self._cache.get(key)) is not None:
            await say(agent, turn, scope, kept.value)
            return Outcome(output=kept.value, from_cache=True)
        seen: list[tuple[str, Mapping[str, Any]]] = []

        def notify(event: str, data: Mapping[str, Any]) -> None:
            seen.append((event, data))
            scope.notify(event, data)

        outcome = await take_turn(agent, turn, replace(scope, notify=notify))
        if _is_whole(outcome) and all(_is_harmless(event, data, scope) for event, data in seen):
            result = ToolResult(ok=True, value=outcome.output)
            await self._cache.put(
                CacheEntry(key=key, result=result, ttl_s=policy.ttl_s, tool=f"agent:{agent.name}", tenant=scope.tenant)
            )
        return outcome


def _key(agent: Agent, question: str, thread: Any, scope: RunScope) -> str:
    who = [scope.release.digest, agent.name, scope.tenant, told(scope.arms), scope.tier]
    asked = [*who, question.strip(), thread]
    return f"answer:{sha256(orjson.dumps(asked, default=str)).hexdigest()}"


def _is_whole(outcome: Outcome) -> bool:
    return isinstance(outcome.output, str) and not outcome.interrupts and not outcome.stopped


def _is_harmless(event: str, data: Mapping[str, Any], scope: RunScope) -> bool:
    """Whether nothing but the answer is left of this step of the run."""
    if event != "tool.finished":
        return event != "answer.degraded"
    tool = scope.find(str(data["tool"]))
    return bool(data["ok"]) and tool is not None and tool.spec.policy.side_effect in HARMLESS

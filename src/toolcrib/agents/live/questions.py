"""Questions to people, and what each answer was given to: a step that goes on runs again, maybe with other policies."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.config import get_config
from langgraph.types import interrupt

SCRATCHPAD, SAVER = "__pregel_scratchpad", "__pregel_checkpointer"
"""Keys in `config["configurable"]`: what LangGraph knows of a task's answers, and where it saves."""
_INTERRUPT = "__interrupt__"
_ANSWER, _SHOWN = "toolcrib_answer", "toolcrib_shown"


async def pending(config: RunnableConfig) -> list[Any]:
    """The questions that the task of this config waited with; none while it has no answer."""
    for saver, place, task in _saved_at(config):
        try:
            found = await saver.aget_tuple(place)
        except NotImplementedError:  # a saver for synchronous graphs
            found = await asyncio.to_thread(saver.get_tuple, place)
        if questions := _questions(found, task):
            return questions
    return []


def pending_in_thread(config: RunnableConfig) -> list[Any]:
    """The same for synchronous graphs."""
    for saver, place, task in _saved_at(config):
        if questions := _questions(saver.get_tuple(place), task):
            return questions
    return []


def ask(question: Any, shown: Any) -> tuple[Any, Any]:
    """A person's answer, and what was shown for it; None for one that answered something else.

    LangGraph keeps the answers of a task in their order and gives them again when its step runs again, but of the
    questions only the last one. So each answer is kept together with what it was given to.

    Args:
        question: is put to the person when there is no answer yet.
        shown: what an answer is given to that came just now.

    Raises:
        GraphInterrupt: the person is to be asked.
    """
    answer = interrupt(question)
    if isinstance(answer, Mapping) and answer.keys() == {_ANSWER, _SHOWN}:
        return answer[_ANSWER], answer[_SHOWN]
    answers = get_config()["configurable"][SCRATCHPAD].resume
    if not answers or answer is not answers[-1]:
        return answer, None
    answers[-1] = {_ANSWER: answer, _SHOWN: shown}
    return answer, shown


def _saved_at(config: RunnableConfig) -> Iterator[tuple[Any, RunnableConfig, str]]:
    """Where the task of this config may have saved its question: with its graph, or a graph around it that is saved."""
    place = config.get("configurable") or {}
    saver, pad = place.get(SAVER), place.get(SCRATCHPAD)
    if saver is None or pad is None or not (pad.resume or pad.get_null_resume(False) is not None):
        return
    parts = str(place.get("checkpoint_ns", "")).split("|")
    for depth in reversed(range(len(parts))):
        graph = "|".join(parts[:depth])
        where = {"checkpoint_ns": graph, "checkpoint_id": (place.get("checkpoint_map") or {}).get(graph)}
        if where["checkpoint_id"] and place.get("thread_id"):
            saved = RunnableConfig(configurable={"thread_id": place["thread_id"], **where})
            yield saver, saved, parts[depth].rpartition(":")[2]


def _questions(found: Any, task: str) -> list[Any]:
    writes = found.pending_writes or () if found is not None else ()
    return [one.value for by, channel, value in writes if (by, channel) == (task, _INTERRUPT) for one in value]

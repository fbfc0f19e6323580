"""Between what callers say and what graphs take: questions, answers and streamed text."""

from collections.abc import Iterable, Mapping
from typing import Any, get_args

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage

from toolcrib.agents.models.pieces import Told
from toolcrib.agents.state.saving import unsavable
from toolcrib.core.agents import StreamMode
from toolcrib.core.errors import InputInvalid
from toolcrib.core.results import jsonable

CORRECTION = "toolcrib_correction"
"""Mark, in a message's `additional_kwargs`, of an answer that was not understood and of what was said to it: `text`, or
`plain` when the answer had no label at all."""


ADDRESS = ("checkpoint_ns", "checkpoint_id", "checkpoint_map")
"""What of a `configurable` names a checkpoint within its thread."""


def run_input(question: Any) -> Any:
    """The graph's input: text and lists of messages become `{"messages": [...]}`, anything else is the state itself."""
    if isinstance(question, str):
        return {"messages": [HumanMessage(question)]}
    if isinstance(question, BaseMessage):
        return {"messages": [question]}
    return {"messages": question} if isinstance(question, list) else question


def refuse_unasked(question: Any, resume: Any, thread_id: str) -> None:
    """See that one thing is asked for: an answer to a question, or to go on with an answer.

    Neither of them, with a thread, lets its graph go on where a run has failed, as LangGraph does.

    Raises:
        InputInvalid: it is none, or both, or cannot be saved.
    """
    if question is not None and resume is not None:
        raise InputInvalid(
            "A run takes a question, or the answer that a paused one waits for (`resume`), not both.",
            hint="Leave one out.",
        )
    if resume is not None and not thread_id:
        raise InputInvalid(
            "Which thread waits for this answer?", hint="Give its `thread_id`; the run that waits has told it."
        )
    if question is None and resume is None and not thread_id:
        raise InputInvalid("There is nothing to ask.", hint="Give a question, or `resume`; null is neither.")
    if question == [] or (isinstance(question, str) and not question.strip()):
        raise InputInvalid("The question is empty.", hint="Say what is to be asked.")
    for what, given in (("question", question), ("answer", resume)):
        if why := unsavable(given):
            raise InputInvalid(f"The {what} cannot be saved: {why}.", hint="Send it without that.")


def answer_text(state: Any) -> Any:
    """The answer in a final state: the last AI message's text, or the state itself when it has no messages."""
    messages = state.get("messages") if isinstance(state, Mapping) else None
    if isinstance(messages, list):
        last = next((message for message in reversed(messages) if isinstance(message, AIMessage)), None)
        if last is not None:
            return str(last.text)
    return state


def told(mode: str, chunk: Any) -> tuple[str, Mapping[str, Any]] | None:
    """What those who look on are told of a chunk of LangGraph's stream: an event and its data; None for nothing."""
    if mode == "custom":
        return (chunk.event, chunk.data) if isinstance(chunk, Told) else ("custom", {"data": jsonable(chunk)})
    if mode != "messages":
        return None
    data = message_chunk(chunk)
    return ("message", data) if data else None


def refuse_modes(modes: Iterable[str]) -> None:
    """Refuse modes of LangGraph's stream that it does not have, or that are told anyway.

    Raises:
        InputInvalid: with those there are.
    """
    known = get_args(StreamMode)
    if wrong := sorted(set(modes).difference(known)):
        always = " `messages` and `custom` are always told." if {"messages", "custom"}.intersection(wrong) else ""
        raise InputInvalid(
            f"There is no stream mode {wrong[0]!r} to ask for.{always}", hint=f"There are {', '.join(known)}."
        )


def seen(mode: str, chunk: Any, thread_id: str) -> tuple[str, Mapping[str, Any]]:
    """What those are told who asked for this mode of LangGraph's stream: the chunk as it is, in JSON terms.

    Args:
        thread_id: the thread as its caller knows it, for the addresses of checkpoints.
    """
    if mode == "checkpoints":
        chunk = _addressed(chunk, thread_id)
    elif mode == "debug" and chunk["type"] == "checkpoint":
        chunk = chunk | {"payload": _addressed(chunk["payload"], thread_id)}
    return mode, {"data": jsonable(chunk)}


def _addressed(checkpoint: Mapping[str, Any], thread_id: str) -> Mapping[str, Any]:
    """A checkpoint whose addresses are those that `configurable` of a next run takes."""

    def address(config: Any) -> Any:
        place = config.get("configurable") if isinstance(config, Mapping) else None
        if place is None:
            return config
        return {"configurable": {k: place[k] for k in ADDRESS if k in place} | {"thread_id": thread_id}}

    tasks = [task | {"state": address(task["state"])} for task in checkpoint["tasks"]]
    places = {key: address(checkpoint[key]) for key in ("config", "parent_config")}
    return {**checkpoint, **places, "tasks": tasks}


def message_chunk(chunk: Any) -> Mapping[str, Any] | None:
    """A piece of a model's text as `{"text", "node"}`; None for chunks without text and for tool messages."""
    message, metadata = chunk
    if not isinstance(message, AIMessage | AIMessageChunk) or not message.text:
        return None
    return {"text": str(message.text), "node": metadata.get("langgraph_node", "")}


def is_correction(message: BaseMessage) -> bool:
    """Whether it is an answer that was not understood, or what was said to it."""
    return bool(message.additional_kwargs.get(CORRECTION))


def is_question(message: BaseMessage) -> bool:
    """Whether the user said it; what a model is told of its mistakes looks the same."""
    return isinstance(message, HumanMessage) and not is_correction(message)

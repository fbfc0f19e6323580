"""Trimming: what of a long conversation a model is sent. The thread itself stays whole."""

from collections.abc import Sequence

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.messages.utils import count_tokens_approximately

from toolcrib.agents.messages import is_question
from toolcrib.agents.parts import Voice
from toolcrib.core.agents import ContextPolicy

_CUT = "\n[Cut: {} characters of this earlier result are left out.]\n"


def sent(voice: Voice, messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """What the agent's model is told: its prompt, and as much of the thread as its `context` allows."""
    policy = voice.parts.spec.context
    if policy is None:
        return [*voice.system, *messages]
    around = count_tokens_approximately(voice.system, tools=list(voice.offer.definitions("")))
    return [*voice.system, *trimmed(messages, policy, room=policy.max_tokens - around)]


def trimmed(messages: Sequence[BaseMessage], policy: ContextPolicy, *, room: int) -> list[BaseMessage]:
    """The messages as they are sent: earlier tool results are shortened first, then the middle is left out.

    What is kept: the first message, and as many of the last ones as fit, but always the last question with all that
    came after it, whatever its size. A message with tool calls and their results stay together, or go together.

    Args:
        messages: of the thread, without the system prompt.
        policy: how tool results are shortened.
        room: so many tokens are left for them.
    """
    if _tokens(messages) <= room:
        return list(messages)
    blocks = _blocks(messages)
    present = _present(blocks)
    shortened = [*(_shortened(block, policy.tool_result_chars) for block in blocks[:present]), *blocks[present:]]
    if _tokens(_flat(shortened)) <= room:
        return _flat(shortened)
    head, past, last = shortened[: min(1, present)], shortened[1:present], shortened[present:]
    room -= _tokens(_flat([*head, *last]))
    kept: list[list[BaseMessage]] = []
    for block in reversed(past):
        room -= _tokens(block)
        if room < 0:
            break
        kept.insert(0, block)
    return _flat([*head, *kept, *last])


def _blocks(messages: Sequence[BaseMessage]) -> list[list[BaseMessage]]:
    """The messages in pieces that must not be split: one message, or one with tool calls and all their results."""
    blocks: list[list[BaseMessage]] = []
    for message in messages:
        if isinstance(message, ToolMessage) and blocks and isinstance(blocks[-1][0], AIMessage):
            blocks[-1].append(message)
        else:
            blocks.append([message])
    return blocks


def _present(blocks: Sequence[Sequence[BaseMessage]]) -> int:
    """Where the present turn begins: at the last message of the user."""
    return next((index for index in reversed(range(len(blocks))) if is_question(blocks[index][0])), len(blocks) - 1)


def _shortened(block: list[BaseMessage], most: int) -> list[BaseMessage]:
    return [_short(message, most) if isinstance(message, ToolMessage) else message for message in block]


def _short(message: ToolMessage, most: int) -> ToolMessage:
    """The result's beginning and end, with a note of what is missing between them; blocks of content stay whole."""
    text = message.content
    if not isinstance(text, str) or len(text) <= most:
        return message
    head, tail = most - most // 3, most // 3
    content = f"{text[:head]}{_CUT.format(len(text) - most)}{text[len(text) - tail :]}"
    return message.model_copy(update={"content": content})


def _flat(blocks: Sequence[Sequence[BaseMessage]]) -> list[BaseMessage]:
    return [message for block in blocks for message in block]


def _tokens(messages: Sequence[BaseMessage]) -> int:
    """Tokens by the rule of four characters each, for no provider counts without being asked."""
    return count_tokens_approximately(messages)

"""What is said to the router itself: greetings, thanks, questions about it, and wishes no tool is for."""

import re
from collections.abc import Sequence
from typing import Literal

from toolcrib.agents.offline_router.features import words_of
from toolcrib.agents.offline_router.lexicon import CHATTER, CREATIVE, GREETINGS, THANKS
from toolcrib.agents.offline_router.values import OfferedTool

Chatter = Literal["tools", "who", "greeting", "thanks", "creative"]

_THANKFUL = re.compile(
    r"\b(?:thank|thanks|thx|cheers|great|perfect|awesome|helpful|cool|ok|okay|nice|got it|appreciate)"
)
_CREATIVE = re.compile(CREATIVE, re.IGNORECASE)
_GREETING = re.compile(
    r"^\s*(?:hi|hello|hey|heya|yo|greetings|good (?:morning|afternoon|evening|night|day)|sup|howdy|bye|"
    r"goodbye|how are you|how's it going|what's up|how do you do|see (?:you|ya)|nice to)\b",
    re.IGNORECASE,
)
_PATTERNS = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in CHATTER.items())


def chatter_of(text: str, tools: Sequence[OfferedTool]) -> Chatter | None:
    """What kind of talk a text is, or None when it may be meant for a tool."""
    said = text.strip()
    words = words_of(said)
    if len(said) <= 160:
        for kind, pattern in _PATTERNS:
            if pattern.search(said):
                return _kind(kind)
    if words and len(words) <= 14:
        if _GREETING.search(said) and all(word in GREETINGS for word in words):
            return "greeting"
        if _THANKFUL.search(said.lower()) and all(word in THANKS for word in words):
            return "thanks"
    wish = _CREATIVE.search(said)
    if wish is not None and not any(_speaks(tool, wish[0]) for tool in tools):
        return "creative"
    return None


def _kind(name: str) -> Chatter:
    match name:
        case "tools" | "who" | "greeting" | "thanks":
            return name
        case _:
            return "creative"


def _speaks(tool: OfferedTool, word: str) -> bool:
    """Whether a tool itself is about jokes, poems and the like."""
    said = f"{tool.name.replace('_', ' ')} {tool.description}".lower()
    return all(part in said for part in word.lower().split()[-1:])

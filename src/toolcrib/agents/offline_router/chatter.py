"""What is said to the router itself: greetings, thanks, questions about it, and wishes no tool is for."""

import re
from collections.abc import Sequence
from typing import Literal

from toolcrib.agents.offline_router.values import OfferedTool

Chatter = Literal["tools", "who", "greeting", "thanks", "creative"]

_GREETINGS = frozenset(
    [
        "a",
        "afternoon",
        "are",
        "bye",
        "cheers",
        "day",
        "doing",
        "evening",
        "going",
        "good",
        "goodbye",
        "greetings",
        "have",
        "hello",
        "hey",
        "heya",
        "hi",
        "how",
        "howdy",
        "is",
        "it",
        "later",
        "meet",
        "morning",
        "nice",
        "night",
        "see",
        "sup",
        "there",
        "to",
        "up",
        "what's",
        "whats",
        "ya",
        "yo",
        "you",
    ]
)

_THANKS = frozenset(
    [
        "a",
        "all",
        "appreciate",
        "appreciated",
        "awesome",
        "best",
        "brilliant",
        "cheers",
        "cool",
        "done",
        "excellent",
        "fine",
        "for",
        "good",
        "got",
        "great",
        "help",
        "helpful",
        "i",
        "is",
        "it",
        "it's",
        "job",
        "kind",
        "lot",
        "love",
        "makes",
        "much",
        "nice",
        "no",
        "ok",
        "okay",
        "perfect",
        "really",
        "right",
        "sense",
        "so",
        "sounds",
        "super",
        "sure",
        "thank",
        "thanks",
        "that",
        "the",
        "this",
        "too",
        "very",
        "was",
        "well",
        "wonderful",
        "yes",
        "you",
        "you're",
        "your",
    ]
)
_TOOLS = re.compile(
    r"\b(?:what|which|list|show)\b.{0,25}\b(?:tools?|functions|abilities|capabilities|skills)\b"
    r"(?!.{0,20}\b(?:box|in stock|order|cost|price))|\bwhat (?:can|could|do) you (?:do|help|offer)\b|"
    r"\bhow can you help\b|\bwhat are you (?:able|capable)|"
    r"(?:有|会|能用|提供).{0,4}(?:什么|哪些).{0,3}(?:工具|功能|本领)|(?:什么|哪些)(?:工具|功能)|"
    r"你(?:能|会|可以)(?:做|干|帮).{0,4}(?:什么|啥|哪些)",
    re.IGNORECASE,
)
_WHO = re.compile(
    r"\bwho (?:are|r) (?:you|u)\b|\bwhat are you\s*\??$|\bwhat(?:'s| is) your name\b|\bare you (?:a |an )?"
    r"(?:ai|bot|human|robot|chatgpt|real|person|llm|language)|\b(?:who|what) (?:made|built|created|trained) you\b|"
    r"\btell me about yourself\b|\bintroduce yourself\b|\bwhat(?: kind of)? (?:model|llm|ai) are you\b|"
    r"你是谁|你叫什么|介绍.{0,2}自己|你是.{0,4}(?:机器人|真人|人工智能|模型)",
    re.IGNORECASE,
)
_GREETED = re.compile(
    r"^\s*(?:hi|hello|hey|heya|yo|greetings|good (?:morning|afternoon|evening|night|day)|sup|howdy|bye|"
    r"goodbye|how are you|how's it going|what's up|how do you do|see (?:you|ya)|nice to)\b",
    re.IGNORECASE,
)
_GREETED_ZH = re.compile(
    r"^(?:你好|您好|嗨|哈喽|早上好|下午好|晚上好|早安|晚安|再见|拜拜|你好吗|最近怎么样|大家好)[\s,，!！。.?？吗呀啊~]*$"
)
_THANKED = re.compile(
    r"\b(?:thank|thanks|thx|cheers|great|perfect|awesome|helpful|cool|ok|okay|nice|got it|appreciate)", re.IGNORECASE
)
_THANKED_ZH = re.compile(r"^(?:.{0,4}(?:谢谢|多谢|感谢|辛苦了)|太好了|很好|好的|明白了|知道了|没事了|不错).{0,8}$")
# Wishes to be entertained or taught: no tool's matter unless a tool says so in its own words.
_WISHED = re.compile(
    r"\b(?:joke|poem|story|riddle|haiku|essay|limerick|fun fact|meaning of life|sing|song about|rap|lyrics about|"
    r"novel about)\b|\b(?:do|what do) you (?:like|love|think|feel|believe|dream|have feelings)\b|"
    r"\byour favou?rite\b|\bhow old are you\b|"
    r"笑话|写.{0,3}(?:诗|故事|作文)|讲.{0,3}故事|唱.{0,2}歌|谜语|你喜欢|你觉得|人生的意义",
    re.IGNORECASE,
)
_SHORT_CHARS = 160
_FEW_WORDS = 14


def chatter_of(text: str, tools: Sequence[OfferedTool]) -> Chatter | None:
    """What kind of talk a text is, or None when it may be meant for a tool."""
    said = text.strip()
    if len(said) > _SHORT_CHARS:
        return None
    if _TOOLS.search(said):
        return "tools"
    if _WHO.search(said):
        return "who"
    if _GREETED_ZH.search(said) or _made_of(said, _GREETED, _GREETINGS):
        return "greeting"
    if _THANKED_ZH.search(said) or _made_of(said, _THANKED, _THANKS):
        return "thanks"
    wish = _WISHED.search(said)
    return "creative" if wish is not None and not any(_speaks(tool, wish[0]) for tool in tools) else None


def _made_of(said: str, sign: re.Pattern[str], allowed: frozenset[str]) -> bool:
    """Whether a text shows the sign and holds no other words than those allowed."""
    words = said.lower().replace("’", "'")
    found = re.findall(r"[a-z0-9']+", words)
    return 0 < len(found) <= _FEW_WORDS and sign.search(words) is not None and allowed.issuperset(found)


def _speaks(tool: OfferedTool, word: str) -> bool:
    """Whether a tool itself is about jokes, poems and the like."""
    said = f"{tool.name.replace('_', ' ')} {tool.description}".lower()
    return word.lower().split()[-1] in said

"""Small talk: what needs no tool and gets a fixed answer."""

import re
from collections.abc import Sequence
from typing import Literal

from toolcrib.agents.offline.values import OfferedTool

Talk = Literal["greeting", "thanks", "farewell", "who", "tools", "never_mind", "creative"]

_SIGNS: tuple[tuple[Talk, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        (
            "tools",
            r"\b(?:what|which|list|show)\b(?:\W+\w+){0,3}\W+(?:tools?|capabilities|abilities|functions)\b(?:\W+(?:do|can|are|have)\b.*|\W*)$|"
            r"^\W*what (?:can|do) you (?:do|offer)\b(?:\W+for me)?\W*$|^\W*how can you help\b.*$|^\W*help\W*$|"
            r"(?:有(?:哪些|什么)(?:工具|功能))|^(?:你|您)?(?:能|会|可以)(?:做|干|帮我做)(?:些)?(?:什么|啥)\W*$",
        ),
        (
            "who",
            r"\b(?:who|what) are you\b|\bwhat(?:'s| is) your (?:name|purpose)\b|\bare you (?:a|an|human|real|alive|chatgpt|gpt)\b|"
            r"\bintroduce yourself\b|你是谁|你叫什么|你的名字|介绍一下你自己|你是(?:机器人|人)",
        ),
        (
            "never_mind",
            r"^\W*(?:never ?mind|forget it|forget about it|cancel that|leave it|skip it|stop|no thanks?|nothing|算了|不用了|没事了?)\W*$",
        ),
        (
            "thanks",
            r"^\W*(?:(?:ok|okay|great|cool|perfect|wow|awesome)\W+)*(?:many )?(?:thanks?|thank you|thx|cheers|ty)\b.{0,60}$|"
            r"^.{0,40}\b(?:thanks|thank you)(?: (?:so|very) much| a lot| again)?\W*$|谢谢|多谢|感谢",
        ),
        ("farewell", r"^\W*(?:good ?bye|bye(?: bye)?|see you|see ya|good night|farewell|cya|再见|拜拜|晚安)\b.{0,30}$"),
        (
            "greeting",
            r"^\W*(?:hi|hello|hey|hiya|howdy|yo|good (?:morning|afternoon|evening|day)|greetings)\b(?: there| all| everyone| again)?"
            r"(?:\W+(?:how are you|how is it going|how's it going|what's up|how do you do).{0,30})?\W*$|"
            r"^\W*(?:how are you|how's it going|what's up)\b.{0,20}$|^(?:你好|您好|嗨|早上好|下午好|晚上好|早)(?:啊|呀|吗)?\W*$",
        ),
        (
            "creative",
            r"\b(?:tell|write|compose|sing|make up|give|create)\b(?: me| us)?\W+(?:a|an|another|some)?\W*(?:\w+\W+){0,2}?"
            r"(?:jokes?|poems?|stor(?:y|ies)|haikus?|essays?|songs?|riddles?|limericks?|rhymes?)\b|"
            r"(?:讲|说|写|来|编)(?:一?个|一?首|一?篇|一段)?.{0,6}?(?:笑话|故事|诗|作文|歌词)",
        ),
    )
)
_LONGEST = 160


def small_talk(text: str, tools: Sequence[OfferedTool]) -> Talk | None:
    """The kind of small talk a message is, or None; what a tool is for (a joke tool's joke) is none."""
    if len(text) > _LONGEST:
        return None
    for kind, sign in _SIGNS:
        match = sign.search(text)
        if match is not None and not (kind in ("creative", "who") and _is_for_a_tool(match[0], tools)):
            return kind
    return None


def _is_for_a_tool(said: str, tools: Sequence[OfferedTool]) -> bool:
    words = {word for word in re.findall(r"[a-z]{4,}", said.lower())} - {"tell", "write", "give", "make", "create", "what"}
    about = " ".join(f"{tool.name} {tool.description}" for tool in tools).lower()
    signs = re.findall(r"笑话|故事|诗|作文|歌词", said)
    return any(re.search(rf"\b{word.removesuffix('s')}", about.replace("_", " ")) for word in words) or any(
        sign in about for sign in signs
    )

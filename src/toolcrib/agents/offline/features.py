"""What a text speaks of: stems of its words, matters and actions of the lexicon, pairs of Chinese characters."""

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from toolcrib.agents.offline.lexicon import ACTIONS, ENDINGS, IRREGULAR, MATTERS, STOP

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[a-z][a-z']*(?:-[a-z]+)*")
_CHINESE = re.compile(r"[一-鿿]+")
_LONGEST_PHRASE = 4
_HINT = 0.5
_CHINESE_FILLER = frozenset("的了吗呢吧我你请是在有一个什么怎么多少查询")

Table = Mapping[str, tuple[tuple[str, float], ...]]


@lru_cache(maxsize=4096)
def stem(word: str) -> str:
    """A word without its common endings: "purchases" and "purchased" both end up as "purchas"."""
    word = word.removesuffix("'s").replace("'", "")
    word = IRREGULAR.get(word, word)
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiousl":
        word = word[:-1]
    return word


def split_name(text: str) -> str:
    """A text with the names in it, camel or snake case, split into words."""
    return _CAMEL.sub(" ", text).replace("_", " ")


def words_of(text: str) -> list[str]:
    """The lower-case English words of a text."""
    return _WORD.findall(split_name(text).replace("’", "'").lower())


def features_of(text: str) -> dict[str, float]:
    """Each feature of a text with its strength.

    `w:` stems of content words, `m:` matters, `a:` actions, `z:` pairs of Chinese characters.
    """
    found: dict[str, float] = {}
    words = words_of(text)
    for word in words:
        if word not in STOP and len(word) > 1:
            found[f"w:{stem(word)}"] = 1.0
    stems = [stem(word) for word in words]
    for size in range(1, _LONGEST_PHRASE + 1):
        for at in range(len(stems) - size + 1):
            _note(found, _ENGLISH.get(" ".join(stems[at : at + size]), ()))
    runs = _CHINESE.findall(text)
    if runs:
        for sign, meant in _SIGNS.items():
            if sign in text:
                _note(found, meant)
        for run in runs:
            found.update((f"z:{run[at : at + 2]}", 1.0) for at in range(len(run) - 1) if _tells(run[at : at + 2]))
    return found


def likeness(one: str, other: str) -> float:
    """How alike two words are by their runs of three letters, 0 to 1."""
    ours, theirs = _trigrams(one), _trigrams(other)
    return 2 * len(ours & theirs) / (len(ours) + len(theirs))


@lru_cache(maxsize=4096)
def _trigrams(word: str) -> frozenset[str]:
    edged = f"^{word}$"
    return frozenset(edged[at : at + 3] for at in range(len(edged) - 2))


def _tells(pair: str) -> bool:
    return not (pair[0] in _CHINESE_FILLER or pair[1] in _CHINESE_FILLER)


def _note(found: dict[str, float], meant: tuple[tuple[str, float], ...]) -> None:
    for name, strength in meant:
        found[name] = max(strength, found.get(name, 0.0))


def _tables() -> tuple[Table, Table]:
    english: dict[str, tuple[tuple[str, float], ...]] = {}
    chinese: dict[str, tuple[tuple[str, float], ...]] = {}
    for mark, lines in (("m:", MATTERS), ("a:", ACTIONS)):
        for line in lines:
            matter, words, signs = (part.strip() for part in line.split("|"))
            for word in dict.fromkeys(words.split()):
                phrase = " ".join(stem(part) for part in word.removeprefix("?").split("_"))
                strength = _HINT if word.startswith("?") else 1.0
                english[phrase] = (*english.get(phrase, ()), (mark + matter, strength))
            for sign in signs.split():
                chinese[sign] = (*chinese.get(sign, ()), (mark + matter, 1.0))
    return MappingProxyType(english), MappingProxyType(chinese)


_ENGLISH, _SIGNS = _tables()

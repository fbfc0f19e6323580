"""The labelled answers of answers.yaml, and the outcome of one as they write it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from ruamel.yaml import YAML

from toolcrib.agents.react.steps import Actions, Final, Malformed, Step

_DATA = YAML(typ="safe").load(Path(__file__).with_name("answers.yaml").read_text(encoding="utf-8"))
TOOLS: Mapping[str, Mapping[str, Any]] = _DATA["tools"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """An answer, and what must come of it; see answers.yaml."""

    text: str
    cut: bool = False
    actions: Any = None
    written: str = ""
    final: str | None = None
    wrong: str | None = None
    plain: bool = False


def _written(actions: Any) -> str:
    """As JSON, in which `true` is not 1."""
    return orjson.dumps(actions, option=orjson.OPT_SORT_KEYS).decode()


LABELLED = tuple(
    Labelled(**one, written=_written(one["actions"]) if "actions" in one else "") for one in _DATA["answers"]
)


def outcome(step: Step, like: Labelled) -> Labelled:
    """What came of an answer, in the words of `like`; of a correction only as much as is asked for."""
    text, cut = like.text, like.cut
    match step:
        case Actions(actions=actions):
            made = [[one.tool, one.args] for one in actions]
            return Labelled(text=text, cut=cut, actions=made, written=_written(made))
        case Final(text=answer):
            return Labelled(text=text, cut=cut, final=answer)
        case Malformed(plain=True):
            return Labelled(text=text, cut=cut, plain=True)
        case Malformed(observation=told):
            return Labelled(text=text, cut=cut, wrong=like.wrong if like.wrong and like.wrong in told else told)

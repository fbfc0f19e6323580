"""The name of a tool as models write it, and the tool that is meant."""

import re
from collections.abc import Iterable

from toolcrib.agents.react.inputs import NOTHING, bare
from toolcrib.agents.react.labels import visible

FINAL = frozenset({"finalanswer", "finish", "最终答案", "最终回答"})
"""Names of an action that is the final answer."""
_NO_ACTION = NOTHING | frozenset(
    {"no action", "no action needed", "no action required", "no tool", "no tool needed", "-", "无需行动"}
)
_AROUND = "*`\"'“”‘’「」『』《》〈〉<>[]【】.,;:。，；： \t"
_BEFORE = re.compile(r"(?:functions?|tools?|default_api)\.", re.IGNORECASE)


def stripped(text: str) -> str:
    """The name without quotes, marks and what cannot be seen."""
    return visible(bare(text)).strip(_AROUND)


def meant(name: str, known: Iterable[str]) -> str | None:
    """The one tool of this name; case, spaces, `-` and `_` need not agree where that leaves no doubt."""
    given = stripped(name)
    tools = tuple(known)
    for one in (given, given.removesuffix("()"), _BEFORE.sub("", given, count=1).removesuffix("()")):
        if one in tools:
            return one
    alike = [tool for tool in tools if compact(tool) == compact(_BEFORE.sub("", given, count=1))]
    return alike[0] if len(alike) == 1 and compact(given) else None


def compact(name: str) -> str:
    """What names have in common that are written in another way."""
    return re.sub(r"[\s_()-]+", "", name).casefold()


def is_final(name: str) -> bool:
    """Whether the action is none: `Action: Final Answer`."""
    return compact(stripped(name)) in FINAL


def is_none(name: str) -> bool:
    """Whether the action says that there is none: `Action: None needed`."""
    return stripped(name).lower().strip("() ") in _NO_ACTION

"""Names and near names."""

import difflib
from collections.abc import Iterable

ROOT = "_toolcrib"
"""First part of the real name of every project module."""


def without_digests(text: str) -> str:
    """Names of project modules as the author knows them: `_toolcrib.r_<digest>.tools.math` -> `tools.math`."""
    head, separator, tail = text.partition(f"{ROOT}.r_")
    while separator:
        text = head + tail.partition(".")[2]
        head, separator, tail = text.partition(f"{ROOT}.r_")
    return text


def near(name: str, known: Iterable[str], *, most: int = 3) -> list[str]:
    """The known names most like `name`, best first, at most `most`."""
    choices = sorted(known)
    return difflib.get_close_matches(name, choices, n=most, cutoff=0.5)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint for an unknown `name`: the near names, or all known ones when they are few."""
    choices = sorted(known)
    if close := near(name, choices):
        return f"Did you mean {' or '.join(repr(c) for c in close)}?"
    if not choices:
        return "There are none."
    shown = ", ".join(choices[:12])
    return f"Known are: {shown}{', …' if len(choices) > 12 else ''}."

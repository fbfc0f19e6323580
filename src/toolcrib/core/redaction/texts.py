"""Taking texts out of other texts, word for word and in the forms in which error messages quote them."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import zip_longest
from typing import Any
from urllib.parse import quote, quote_plus

from toolcrib.core.results import jsonable

Scrub = Callable[[str], str]
"""Takes a text and gives it back without what must not be shown."""

REDACTED = "[redacted]"
SHORT = 6
"""Shorter texts are taken out only where they stand alone: `42` is in too many numbers."""
MAX_QUOTED = 2_000
"""Of longer texts nobody makes a URL or a quoted literal."""


def scrubber(words: Mapping[str, str]) -> Scrub:
    """A function that replaces these texts: text -> what stands in its place."""
    found = {form: instead for word, instead in words.items() for form in _forms(word)}
    long = sorted(((form, found[form]) for form in found if len(form) >= SHORT), key=lambda one: -len(one[0]))
    short = "|".join(sorted((re.escape(form) for form in found if len(form) < SHORT), key=len, reverse=True))
    alone = re.compile(rf"(?<!\w)(?:{short})(?!\w)") if short else None

    def scrub(text: str) -> str:
        for form, instead in long:
            if form in text:
                text = text.replace(form, instead)
        return alone.sub(lambda match: found[match[0]], text) if alone else text

    return scrub


def hiding(texts: Iterable[str]) -> Scrub:
    """A function that takes these texts out."""
    return scrubber(dict.fromkeys(texts, REDACTED))


def scrub_value(value: Any, scrub: Scrub) -> Any:
    """The value with every text in it scrubbed; itself when there is nothing to take out.

    What is neither text, number, list nor mapping becomes plain JSON data when its JSON form has to be changed.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str | int | float):
        text = str(value)
        clean = scrub(text)
        return value if clean == text else clean
    if type(value) in (list, tuple):
        made = [scrub_value(one, scrub) for one in value]
        return value if _same(made, value) else type(value)(made)
    if type(value) is dict:
        fields = {scrub_value(key, scrub): scrub_value(one, scrub) for key, one in value.items()}
        return value if _same(fields, value) and _same(fields.values(), value.values()) else fields
    known = jsonable(value)
    clean = scrub_value(known, scrub)
    return value if clean is known else clean


def _same(made: Iterable[Any], value: Iterable[Any]) -> bool:
    """Whether these are the very same objects."""
    return all(one is other for one, other in zip_longest(made, value))


def _forms(word: str) -> Iterator[str]:
    """The text as it stands, and as JSON, Python and URLs quote it; what quotes may be quoted once more."""
    for text in {word, word.strip()} - {""}:
        yield text
        if len(text) <= MAX_QUOTED:
            once = [*_escaped(text), quote(text, safe=""), quote(text), quote_plus(text)]
            yield from once
            for form in once:
                yield from _escaped(form)


def _escaped(text: str) -> Iterator[str]:
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield repr(text)[1:-1]
    yield repr(f'{text}"')[1:-2]  # as a part of a longer text, where Python cannot choose its quotes to suit this one

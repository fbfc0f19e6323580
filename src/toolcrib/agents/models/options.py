"""Options of models: whether a model takes those it is given, told before a run depends on it."""

import os
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel
from pydantic import AliasChoices, ValidationError

from toolcrib.agents.models.names import missing_key
from toolcrib.core.models import OFFLINE
from toolcrib.core.names import did_you_mean, near
from toolcrib.core.results import said

_NOT_FOR_HERE = frozenset({"model", "model_name", "model_provider", "configurable_fields", "config_prefix"})
"""What says which model it is; here the model's name alone does."""
_REST = "model_kwargs"
"""Of most providers' models: what is handed on to the provider as it is."""
Problem = tuple[str, str, str]
"""(option, empty for all of them; message; fix)."""


def option_problems(name: str, options: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with the options of a model, one problem an option at most.

    The model is made for it, with and without them, but no request goes to its provider. What hinders also a model
    without options is not told here: a key may come later. Imports the provider's package, which takes a second the
    first time, and only when there are options.
    """
    if name == OFFLINE or not options:
        return
    fits = dict(options)
    for option in _NOT_FOR_HERE & options.keys():
        yield option, f"option {option!r} is none of model {name!r}", "Its name says which it is: `provider:model`."
        del fits[option]
    stand_in = {"api_key": "none yet"} if missing_key(name, {}, os.environ) else {}
    bare = _made(name, stand_in)
    kind = type(bare if isinstance(bare, BaseChatModel) else _made(name, stand_in | fits))
    if not issubclass(kind, BaseChatModel):
        return
    for option, message, hint in _unknown(name, fits, kind):
        yield option, message, hint
        del fits[option]
    yield from _refused(name, fits, _made(name, stand_in | fits), is_theirs=isinstance(bare, BaseChatModel))


def _made(name: str, options: Mapping[str, Any]) -> BaseChatModel | Exception:
    """The model, or why it cannot be made."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of options that it does not know, which are told otherwise
            model: BaseChatModel = init_chat_model(name, **options)
    except Exception as error:  # noqa: BLE001 - outer guard: providers raise what they like when they lack something
        return error
    return model


def _unknown(name: str, options: Mapping[str, Any], kind: type[BaseChatModel]) -> list[Problem]:
    """Options that the model has no field for: it would drop them, or send them to a provider that refuses them."""
    if kind.model_config.get("extra") == "allow":
        return []
    known, found = {*_names(kind)} - _NOT_FOR_HERE, []
    more = f"What its provider takes beside them goes under `{_REST}`." if _REST in kind.model_fields else ""
    for option in options:
        if option not in known:
            message = f"model {name!r} ({kind.__name__}) has no option {option!r}"
            meant = did_you_mean(option, known) if near(option, known) else ""
            found.append((option, message, f"{meant} {more}".strip() or "Leave it out."))
    return found


def _refused(name: str, options: Mapping[str, Any], why: object, *, is_theirs: bool) -> Iterator[Problem]:
    """Options of which the model refuses the value, without quoting it.

    Args:
        name: of the model.
        options: those it has fields for.
        why: why it cannot be made with them; anything else when it can.
        is_theirs: it can be made without them, so that whatever is wrong lies in them.
    """
    hint = "Correct the value, or leave it out."
    told: dict[str, str] = {}
    if isinstance(why, ValidationError):
        for one in why.errors(include_url=False, include_input=False, include_context=False):
            option = str(one["loc"][0]) if one["loc"] and one["loc"][0] in options else ""
            if option or is_theirs:
                told.setdefault(option, one["msg"])
    elif isinstance(why, Exception) and is_theirs:
        told[""] = f"{type(why).__name__}: {said(why).partition(chr(10))[0][:200]}"
    for option, words in told.items():
        which = f"option {option!r}" if option else "the options"
        yield option, f"{which} of model {name!r}: {words}", hint


def _names(kind: type[BaseChatModel]) -> Iterator[str]:
    """All names under which a field of the model may be given."""
    for name, field in kind.model_fields.items():
        other = field.validation_alias
        for one in (name, field.alias, *(other.choices if isinstance(other, AliasChoices) else (other,))):
            if isinstance(one, str):
                yield one

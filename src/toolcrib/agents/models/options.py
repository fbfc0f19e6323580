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

_LANGCHAINS = frozenset({"model_provider", "configurable_fields", "config_prefix"})
"""Of `init_chat_model` itself."""
_REST = "model_kwargs"
"""Of most providers' models: what is handed on to the provider as it is."""


def option_problems(name: str, options: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What is wrong with the options of a model: (option, message, fix).

    The model is made for it, without a request to its provider; whatever else hinders that is not told here: a key may
    come later. Imports the provider's package, which takes a second the first time, and only when there are options.
    """
    if name == OFFLINE or not options:
        return
    given = {"api_key": "none yet", **options} if missing_key(name, options, os.environ) else dict(options)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of options that it does not know: they are told below
            model: BaseChatModel = init_chat_model(name, **given)
    except ValidationError as error:
        for one in error.errors(include_url=False, include_input=False, include_context=False):
            if one["loc"] and one["loc"][0] in options:
                option = str(one["loc"][0])
                yield (
                    option,
                    f"option {option!r} of model {name!r}: {one['msg']}",
                    "Correct the value, or leave it out.",
                )
        return
    except Exception:  # noqa: BLE001 - outer guard: providers raise what they like when they lack something
        return
    yield from _unknown(name, options, type(model))


def _unknown(name: str, options: Mapping[str, Any], kind: type[BaseChatModel]) -> Iterator[tuple[str, str, str]]:
    """Options that the model has no field for: it would drop them, or send them to a provider that refuses them."""
    if kind.model_config.get("extra") == "allow":
        return
    known = {*_LANGCHAINS, *_names(kind)}
    more = f"What its provider takes beside them goes under `{_REST}`." if _REST in kind.model_fields else ""
    for option in options:
        if option not in known:
            message = f"model {name!r} ({kind.__name__}) has no option {option!r}"
            meant = did_you_mean(option, known) if near(option, known) else ""
            yield option, message, f"{meant} {more}".strip() or "Leave it out."


def _names(kind: type[BaseChatModel]) -> Iterator[str]:
    """All names under which a field of the model may be given."""
    for name, field in kind.model_fields.items():
        other = field.validation_alias
        for one in (name, field.alias, *(other.choices if isinstance(other, AliasChoices) else (other,))):
            if isinstance(one, str):
                yield one

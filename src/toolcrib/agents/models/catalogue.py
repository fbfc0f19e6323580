"""Models by name: made when first needed, shared between releases."""

import asyncio
import os
from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

import orjson
from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel
from pydantic import ValidationError

from toolcrib.agents.models.names import missing_key
from toolcrib.agents.offline_router import OfflineRouter, Router, best_scorer
from toolcrib.core.errors import ModelUnavailable
from toolcrib.core.models import OFFLINE
from toolcrib.core.results import said

_OURS = MappingProxyType({"max_retries": 0, "stream_usage": True})
"""Options of models that have them: only toolcrib retries, and streamed answers tell their tokens too."""

MOST = 64
"""So many are kept: each change of options makes another one, and with it a client, and perhaps a key."""


class Models:
    """Makes each model once per (name, options) and gives it out; loading happens off the event loop.

    Args:
        today: for the offline model.
        most: so many are kept, those asked for last; a run goes on with one that is let go meanwhile.
    """

    def __init__(self, *, today: Callable[[], date], most: int = MOST) -> None:
        self._today = today
        self._most = most
        self._made: dict[tuple[str, bytes], BaseChatModel] = {}
        self._lock = asyncio.Lock()

    async def get(self, name: str, options: Mapping[str, Any]) -> BaseChatModel:
        """The model of this name.

        Raises:
            ModelUnavailable: its package or its key is missing, or the name is not known.
        """
        key = (name, orjson.dumps(dict(options), option=orjson.OPT_SORT_KEYS, default=str))
        if model := self._made.pop(key, None):
            self._made[key] = model  # the last one asked for stands last
            return model
        async with self._lock:
            if key not in self._made:
                self._made[key] = await asyncio.to_thread(self._make, name, options)
                if len(self._made) > self._most:
                    del self._made[next(iter(self._made))]
            return self._made[key]

    def _make(self, name: str, options: Mapping[str, Any]) -> BaseChatModel:
        if name == OFFLINE:
            return OfflineRouter(router=Router(scorer=best_scorer(), today=self._today))
        try:
            model: BaseChatModel = init_chat_model(name, **options)
            fields = type(model).model_fields
            if ours := {key: value for key, value in _OURS.items() if key in fields and key not in options}:
                model = init_chat_model(name, **{**options, **ours})
        except Exception as error:  # outer guard: providers raise what they like when a key or a package is missing
            raise ModelUnavailable(
                f"Model {name!r} cannot be used: {_why(error)}",
                hint=f"{_advice(name, options)}, or use `model: offline`.",
            ) from error
        return model


def _advice(name: str, options: Mapping[str, Any]) -> str:
    """What helps a model that cannot be made."""
    if missing_key(name, options, os.environ) or not options:
        return "Set the provider's key in the environment"
    return "Look at its `model_options` and at the provider's key"


def _why(error: Exception) -> str:
    """What a provider's package says, in one line."""
    words = said(error).strip().partition("\n")[0]
    if isinstance(error, ValidationError):  # its first line only counts
        found = error.errors(include_url=False, include_input=False, include_context=False)
        words = "; ".join(": ".join([*map(str, one["loc"]), one["msg"]]) for one in found)
    return f"{type(error).__name__}: {words[:300]}".rstrip(": ")

"""Models by name: `offline`, or any `init_chat_model` string; made when first needed, shared between releases."""

import asyncio
import importlib.util
from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

import orjson
from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel

from toolcrib.agents.offline_router import OfflineRouter, Router, best_scorer
from toolcrib.core.errors import ModelUnavailable

OFFLINE = "offline"
_PACKAGES = MappingProxyType(
    {
        "anthropic": "langchain_anthropic",
        "azure_openai": "langchain_openai",
        "bedrock": "langchain_aws",
        "cohere": "langchain_cohere",
        "deepseek": "langchain_deepseek",
        "fireworks": "langchain_fireworks",
        "google_genai": "langchain_google_genai",
        "google_vertexai": "langchain_google_vertexai",
        "groq": "langchain_groq",
        "huggingface": "langchain_huggingface",
        "mistralai": "langchain_mistralai",
        "ollama": "langchain_ollama",
        "openai": "langchain_openai",
        "openrouter": "langchain_openrouter",
        "perplexity": "langchain_perplexity",
        "together": "langchain_together",
        "xai": "langchain_xai",
    }
)


class Models:
    """Makes each model once per (name, options) and gives it out; loading happens off the event loop."""

    def __init__(self, *, today: Callable[[], date]) -> None:
        self._today = today
        self._made: dict[tuple[str, bytes], BaseChatModel] = {}
        self._lock = asyncio.Lock()

    async def get(self, name: str, options: Mapping[str, Any]) -> BaseChatModel:
        """The model of this name.

        Raises:
            ModelUnavailable: its package or its key is missing, or the name is not known.
        """
        key = (name, orjson.dumps(dict(options), option=orjson.OPT_SORT_KEYS, default=str))
        if model := self._made.get(key):
            return model
        async with self._lock:
            if key not in self._made:
                self._made[key] = await asyncio.to_thread(self._make, name, options)
            return self._made[key]

    def _make(self, name: str, options: Mapping[str, Any]) -> BaseChatModel:
        if name == OFFLINE:
            return OfflineRouter(router=Router(scorer=best_scorer(), today=self._today))
        try:
            model: BaseChatModel = init_chat_model(name, **options)
        except Exception as error:  # outer guard: providers raise what they like when a key or a package is missing
            raise ModelUnavailable(
                f"Model {name!r} cannot be used: {type(error).__name__}: {str(error).splitlines()[0][:300]}",
                hint="Set the provider's key in the environment, or use `model: offline`.",
            ) from error
        return model


def model_problem(name: str) -> tuple[str, str] | None:
    """What is wrong with a model's name as far as can be told without using it: (message, fix), or None."""
    if name == OFFLINE:
        return None
    provider, separator, _ = name.partition(":")
    if not separator:
        return None if provider.startswith(("gpt-", "claude", "gemini", "o1", "o3", "o4")) else _unknown(name)
    package = _PACKAGES.get(provider)
    if package is None:
        return _unknown(name)
    if importlib.util.find_spec(package) is None:
        pip_name = package.replace("_", "-")
        return f"model {name!r} needs the package {pip_name}", f"pip install {pip_name}, then restart."
    return None


def _unknown(name: str) -> tuple[str, str]:
    providers = ", ".join(sorted(_PACKAGES))
    return (
        f"{name!r} names no model provider",
        f"Write `offline` or `provider:model`, e.g. openai:gpt-5-mini. Providers: {providers}.",
    )

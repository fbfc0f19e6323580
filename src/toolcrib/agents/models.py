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
_KEYS = MappingProxyType(
    {
        "anthropic": ("ANTHROPIC_API_KEY",),
        "azure_openai": ("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN"),
        "cohere": ("COHERE_API_KEY",),
        "deepseek": ("DEEPSEEK_API_KEY",),
        "fireworks": ("FIREWORKS_API_KEY",),
        "google_genai": ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
        "groq": ("GROQ_API_KEY",),
        "huggingface": ("HF_TOKEN", "HUGGINGFACEHUB_API_TOKEN"),
        "mistralai": ("MISTRAL_API_KEY",),
        "openai": ("OPENAI_API_KEY",),
        "openrouter": ("OPENROUTER_API_KEY",),
        "perplexity": ("PPLX_API_KEY", "PERPLEXITY_API_KEY"),
        "together": ("TOGETHER_API_KEY",),
        "xai": ("XAI_API_KEY",),
    }
)
"""The variables the providers' packages look for; one of them is enough. Others have other ways to log in."""
_FAMILIES = MappingProxyType({"gpt-": "openai", "o1": "openai", "o3": "openai", "o4": "openai", "claude": "anthropic"})
"""Whose a model without a provider is, as `init_chat_model` guesses."""


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


def missing_key(name: str, options: Mapping[str, Any], env: Mapping[str, str]) -> tuple[str, ...]:
    """The environment variables of which the model needs one, if none of them is set."""
    provider, separator, _ = name.partition(":")
    if not separator:
        provider = next((family for start, family in _FAMILIES.items() if name.startswith(start)), "")
    keys = _KEYS.get(provider, ())
    return () if "api_key" in options or any(env.get(key) for key in keys) else keys


def _unknown(name: str) -> tuple[str, str]:
    providers = ", ".join(sorted(_PACKAGES))
    return (
        f"{name!r} names no model provider",
        f"Write `offline` or `provider:model`, e.g. openai:gpt-5-mini. Providers: {providers}.",
    )

"""Names of models: `offline`, or any `init_chat_model` string; what can be told of one without using it."""

import importlib.util
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from toolcrib.core.models import OFFLINE

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


def provider_of(name: str) -> str:
    """Whose model it is; empty when that cannot be told."""
    provider, separator, _ = name.partition(":")
    if separator:
        return provider
    return next((family for start, family in _FAMILIES.items() if name.startswith(start)), "")


def missing_key(name: str, options: Mapping[str, Any], env: Mapping[str, str]) -> tuple[str, ...]:
    """The environment variables of which the model needs one, if none of them is set."""
    keys = _KEYS.get(provider_of(name), ())
    return () if "api_key" in options or any(env.get(key) for key in keys) else keys


def _unknown(name: str) -> tuple[str, str]:
    providers = ", ".join(sorted(_PACKAGES))
    return (
        f"{name!r} names no model provider",
        f"Write `offline` or `provider:model`, e.g. openai:gpt-5-mini. Providers: {providers}.",
    )

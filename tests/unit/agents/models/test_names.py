"""What can be told of a model before it is used."""

import pytest

from toolcrib.agents.models.names import missing_key

OPENAI, GOOGLE = ("OPENAI_API_KEY",), ("GOOGLE_API_KEY", "GEMINI_API_KEY")


@pytest.mark.parametrize(
    ("name", "env", "missing"),
    [
        ("offline", {}, ()),
        ("openai:gpt-5-mini", {}, OPENAI),
        ("openai:gpt-5-mini", {"OPENAI_API_KEY": ""}, OPENAI),
        ("openai:gpt-5-mini", {"OPENAI_API_KEY": "x"}, ()),
        ("gpt-5-mini", {"ANTHROPIC_API_KEY": "x"}, OPENAI),
        ("claude-haiku-4-5", {"ANTHROPIC_API_KEY": "x"}, ()),
        ("google_genai:gemini-3", {}, GOOGLE),
        ("google_genai:gemini-3", {"GEMINI_API_KEY": "x"}, ()),
        ("ollama:qwen", {}, ()),
    ],
)
def test_a_key_is_missing_when_none_of_its_variables_is_set(
    name: str, env: dict[str, str], missing: tuple[str, ...]
) -> None:
    assert missing_key(name, {}, env) == missing


def test_a_key_among_the_options_is_enough() -> None:
    assert missing_key("openai:gpt-5-mini", {"api_key": "x"}, {}) == ()

"""Options that a model does not take, with the packages of real providers."""

from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel
from pydantic import AliasChoices, ConfigDict, Field

from toolcrib.agents.models import options
from toolcrib.agents.models.options import option_problems

GPT = "openai:gpt-5-mini"


def told(given: dict[str, Any], name: str = GPT) -> list[tuple[str, str, str]]:
    return list(option_problems(name, given))


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"temperature": 0.1, "max_tokens": 500, "base_url": "http://127.0.0.1:1/v1", "timeout": 3},
        {"model_kwargs": {"prediction": {}}},
        {"request_timeout": 3, "openai_api_key": "k", "reasoning_effort": "low"},
    ],
)
@pytest.mark.parametrize("key", ["", "sk-of-the-environment"])
def test_what_it_takes_is_no_problem(given: dict[str, Any], key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    assert told(given) == []


def test_a_misspelt_one_is_named_with_what_was_meant() -> None:
    ((option, message, fix),) = told({"temprature": 0.1, "max_tokens": 5})
    assert option == "temprature"
    assert message == f"model '{GPT}' (ChatOpenAI) has no option 'temprature'"
    assert fix == "Did you mean 'temperature'? What its provider takes beside them goes under `model_kwargs`."


def test_a_value_of_the_wrong_type_is_told_without_quoting_it() -> None:
    ((option, message, fix),) = told({"max_tokens": "sk-secret"})
    assert option == "max_tokens"
    assert message.startswith(f"option 'max_tokens' of model '{GPT}': Input should be a valid integer")
    assert "sk-secret" not in message + fix


@pytest.mark.parametrize("name", ["offline", "nobody:model", "anthropic:claude-not-installed"])
def test_a_model_that_cannot_be_made_here_is_no_matter_of_its_options(name: str) -> None:
    assert told({"temprature": 1}, name) == []


class Other(FakeListChatModel):
    """As models of other providers' packages are written."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)
    responses: list[str] = Field(default_factory=list)
    place: str = Field("", alias="region")
    number: int = Field(1, validation_alias=AliasChoices("count", "how_many"))


@pytest.mark.parametrize("extra", ["ignore", "allow"])
def test_all_names_of_a_field_are_known(extra: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Other.model_config, "extra", extra)
    monkeypatch.setattr(options, "init_chat_model", lambda name, **given: Other(**given))
    names = {"place": "a", "region": "a", "number": 1, "count": 1, "how_many": 1}
    assert [told({name: value}) for name, value in names.items()] == [[]] * 5
    found = (
        []
        if extra == "allow"
        else [("how_mny", f"model '{GPT}' (Other) has no option 'how_mny'", "Did you mean 'how_many'?")]
    )
    assert told({"how_mny": "a"}) == found


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"bogus": 1, "max_tokens": "many"}, ["bogus", "max_tokens"]),
        ({"model_kwargs": [1], "bogus": 1}, ["bogus", ""]),
        ({"n": 0}, [""]),
        ({"model": "gpt-4", "model_provider": "anthropic", "configurable_fields": "any"}, None),
        ({"api_key": 7}, ["api_key"]),
    ],
)
def test_all_that_is_wrong_is_told_at_once_and_each_option_once(given: dict[str, Any], found: list[str] | None) -> None:
    assert sorted(option for option, _, _ in told(given)) == sorted(given if found is None else found)


def test_the_words_of_the_models_own_rules_are_told() -> None:
    assert [message for _, message, _ in told({"n": 0})] == [
        f"the options of model '{GPT}': Value error, n must be at least 1."
    ]

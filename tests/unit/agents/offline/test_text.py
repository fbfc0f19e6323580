"""Quotes, addresses, links, and what a command leaves over."""

import pytest

from toolcrib.agents.offline.extract.text import find_emails, find_phones, find_quoted, find_urls, leftover


@pytest.mark.parametrize(
    "text", ['"hello there"', "“hello there”", "'hello there'", "「hello there」", "《hello there》"]
)
def test_every_style_of_quotes_is_read(text: str) -> None:
    assert [one.value for one in find_quoted(f"say {text} now")] == ["hello there"]


def test_an_apostrophe_is_no_quote() -> None:
    assert not find_quoted("it's what I don't know")


def test_addresses_links_and_phones_are_read() -> None:
    text = "mail bob@x.co.uk, open https://a.b/c?d=1. and call +1 555-123-4567"

    assert [one.value for one in find_emails(text)] == ["bob@x.co.uk"]
    assert [one.value for one in find_urls(text)][-1] == "https://a.b/c?d=1"
    assert [one.value for one in find_phones(text)] == ["+1 555-123-4567"]


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("Please search the web for LangGraph release notes", "LangGraph release notes"),
        ("Remind me to call mom", "call mom"),
        ("create a ticket: printer broken", "printer broken"),
        ("搜索一下人工智能新闻", "人工智能新闻"),
    ],
)
def test_the_command_is_taken_away(text: str, rest: str) -> None:
    found = leftover(text, (), frozenset({"web", "ticket"}))

    assert found is not None
    assert found.value == rest

"""Showing: `[redacted]` in place of what a mask hides, and the texts that stand there."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, SecretBytes, SecretStr

from toolcrib.core.redaction import Mask, redact, redact_result, texts_of
from toolcrib.core.results import ErrorInfo, ToolResult

CARD: Mask = {"*": True, "number": True, "holder": False}
PAYMENT: Mask = {"*": True, "card": CARD, "amount": False}


@pytest.mark.parametrize(
    ("value", "mask", "shown"),
    [
        ({"a": [1]}, False, {"a": [1]}),
        ("4111", True, "[redacted]"),
        (None, True, "[redacted]"),
        (False, True, "[redacted]"),
        ([1, 2], True, "[redacted]"),
        ({"number": "4111", "holder": "Ada"}, CARD, {"number": "[redacted]", "holder": "Ada"}),
        ({"nummber": "4111"}, CARD, {"nummber": "[redacted]"}),
        ([{"number": "4111"}, {"holder": "Ada"}], CARD, [{"number": "[redacted]"}, {"holder": "Ada"}]),
        (([{"number": "4111"}],), CARD, [[{"number": "[redacted]"}]]),
        ({"card": None, "amount": 5}, PAYMENT, {"card": None, "amount": 5}),
        ({"card": "4111", "amount": 5}, PAYMENT, {"card": "[redacted]", "amount": 5}),
        ({"card": True}, PAYMENT, {"card": "[redacted]"}),
        ({"x": "4111", "y": "4112"}, {"*": True}, {"x": "[redacted]", "y": "[redacted]"}),
    ],
)
def test_what_a_mask_hides_is_replaced_and_all_else_is_as_it_was(value: Any, mask: Mask, shown: Any) -> None:
    assert redact(value, mask) == shown


class Kind(Enum):
    SECRET = "kind-value"


class Model(BaseModel):
    model_config = ConfigDict(extra="allow")
    number: str = "4111"
    holder: str = "Ada"


@dataclass
class Card:
    number: str
    holder: str


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("4111", ["4111"]),
        (b"4111", ["4111"]),
        (4111, ["4111"]),
        (1.5, ["1.5"]),
        (Decimal("4.20"), ["4.20"]),
        (date(2026, 11, 21), ["2026-11-21"]),
        (SecretStr("4111"), ["4111"]),
        (SecretBytes(b"4111"), ["4111"]),
        (Kind.SECRET, ["kind-value"]),
        (Model(), ["4111", "Ada"]),
        (Model.model_validate({"more": "5"}), ["4111", "Ada", "5"]),
        (Card("4111", "Ada"), ["4111", "Ada"]),
        ([("a", {"b"}), frozenset({"c"})], ["a", "b", "c"]),
        ({"name": ["4111"]}, ["4111"]),
        (True, []),
        (None, []),
    ],
)
def test_the_texts_of_a_hidden_value_are_found_in_whatever_a_tool_is_given(value: Any, texts: list[str]) -> None:
    assert list(texts_of(value, True)) == texts


def test_only_texts_of_hidden_parts_are_found() -> None:
    for card in ({"number": "4111", "holder": "Ada"}, Model(), Card("4111", "Ada")):
        assert list(texts_of({"card": card, "amount": 5}, PAYMENT)) == ["4111"]
    assert list(texts_of([{"card": "4111"}], PAYMENT)) == ["4111"]


def test_a_value_that_contains_itself_has_an_end() -> None:
    loop: list[Any] = ["4111"]
    loop.append(loop)
    assert list(texts_of(loop, True)) == ["4111"]


def test_a_result_is_shown_without_its_hidden_parts_and_without_quoting_them_or_the_arguments() -> None:
    value = {"token": "tok-12345", "text": "use tok-12345, not 4111-1111", "n": 41111111}
    result = ToolResult(ok=True, value=value, tool="pay", call_id="4111-1111")
    document = redact_result(result.to_dict(), {"*": True, "token": True, "text": False, "n": False}, ["4111-1111"])
    assert document["value"] == {"token": "[redacted]", "text": "use [redacted], not [redacted]", "n": 41111111}
    assert document["call_id"] == "4111-1111"
    error = ErrorInfo(code="tool_failed", message="card 4111-1111 is blocked")
    document = redact_result(ToolResult(ok=False, error=error).to_dict(), True, ["4111-1111"])
    assert document["error"]["message"] == "card [redacted] is blocked"

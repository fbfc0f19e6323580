"""Identifiers beside a label or by their build."""

import pytest

from toolcrib.agents.offline.extract.identifiers import find_labelled, find_signs, label_words


@pytest.mark.parametrize(
    ("text", "word", "values"),
    [
        ("orders of user 42", "user", ["42"]),
        ("everything that client X77 has ordered", "user", ["X77"]),
        ("user id = 8", "user", ["8"]),
        ("order #A-42", "order", ["A-42"]),
        ("订单 A-42 到哪了", "order", ["A-42"]),
        ("orders A-1, A-2 and A-3", "order", ["A-1", "A-2", "A-3"]),
        ("order status please", "order", []),
    ],
)
def test_a_label_names_its_identifiers(text: str, word: str, values: list[str]) -> None:
    assert [one.value for one in find_labelled(text, label_words((word,)))] == values


@pytest.mark.parametrize(
    ("text", "values"),
    [("is UA2402 late", ["UA2402"]), ("SKU-123", ["SKU-123"]), ("#42", ["42"]), ("5kg on the 3rd", []), ("42", [])],
)
def test_signs_need_no_label(text: str, values: list[str]) -> None:
    assert [one.value for one in find_signs(text)] == values

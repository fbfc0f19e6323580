"""Arithmetic in symbols, words and short word problems."""

import pytest

from toolcrib.agents.offline.extract.arithmetic import find_expression


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("What's (15 + 27) * 3?", "(15+27)*3"),
        ("144 divided by 12", "144/12"),
        ("7 to the power of 3", "7**3"),
        ("square root of 81", "81**0.5"),
        ("15% of 240", "0.15*240"),
        ("240 的 15%", "240*0.15"),
        ("subtract 5 from 12", "12-5"),
        ("sum of 2, 3 and 4", "2+3+4"),
        ("divide the sum of 2 and 3 by 4", "(2+3)/4"),
        ("average of 4, 6 and 8", "(4+6+8)/3"),
        ("twenty times five", "20*5"),
        ("3x4", "3*4"),
        ("2 - (3 - 4)", "2-(3-4)"),
        ("58 乘以 19", "58*19"),
        ("2的10次方", "2**10"),
        ("12 boxes with 36 apples each, how many?", "12*36"),
        ("If I split 860 dollars equally among 4 people", "860/4"),
        ("20% off 80 dollars", "80*(1-20/100)"),
        ("I had 20 apples and ate 7", "20-7"),
        ("把 860 元平均分给 4 个人", "860/4"),
    ],
)
def test_a_calculation_becomes_an_expression(text: str, expression: str) -> None:
    found = find_expression(text)

    assert found is not None
    assert found.value == expression


@pytest.mark.parametrize("text", ["Hello", "I am 5 years old", "(((((", "weather in Paris", "+ - *"])
def test_what_is_no_calculation_gives_none(text: str) -> None:
    assert find_expression(text) is None

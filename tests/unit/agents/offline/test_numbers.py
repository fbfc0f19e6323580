"""Numbers in digits and words."""

import pytest

from toolcrib.agents.offline.extract.numbers import find_numbers


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1,234.50 items", [1234.5]),
        ("two hundred and five", [205]),
        ("half a dozen eggs", [6]),
        ("2.5 million", [2500000]),
        ("three point five", [3.5]),
        ("三百二十", [320]),
        ("两百零五", [205]),
        ("20万", [200000]),
        ("三点五公斤", [3.5]),
        ("帮我算一下", []),
        ("5-3", [5, 3]),
        ("u1001", []),
    ],
)
def test_numbers_are_read(text: str, values: list[float]) -> None:
    assert [one.value for one in find_numbers(text)] == values


@pytest.mark.parametrize("text", ["15%", "15 percent", "百分之十五", "fifteen percent"])
def test_a_percentage_is_marked(text: str) -> None:
    (number,) = find_numbers(text)

    assert (number.value, number.percent) == (15, True)

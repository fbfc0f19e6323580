"""Places in English and Chinese, and their part in a journey."""

import pytest

from toolcrib.agents.offline.extract.places import Role, find_places


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("What's the weather in Paris?", ["Paris"]),
        ("weather berlin", ["Berlin"]),
        ("weather in paris and rome", ["Paris", "Rome"]),
        ("I'm flying to New York tomorrow", ["New York"]),
        ("What is Madrid's weather?", ["Madrid"]),
        ("hotels in Rio de Janeiro next week", ["Rio de Janeiro"]),
        ("北京今天天气怎么样?", ["北京"]),
        ("广州和深圳的天气", ["广州", "深圳"]),
        ("Is it raining right now?", []),
    ],
)
def test_places_are_read(text: str, places: list[str]) -> None:
    assert sorted(one.value for one in find_places(text)) == sorted(places)


@pytest.mark.parametrize(
    ("text", "role", "place"),
    [
        ("from Paris to Rome", "origin", "Paris"),
        ("from Paris to Rome", "destination", "Rome"),
        ("to Rome from Paris", "origin", "Paris"),
        ("从上海到广州多远", "origin", "上海"),
        ("从上海到广州多远", "destination", "广州"),
        ("寄到深圳", "destination", "深圳"),
    ],
)
def test_a_place_has_its_part_in_the_journey(text: str, role: Role, place: str) -> None:
    assert find_places(text, role)[0].value == place

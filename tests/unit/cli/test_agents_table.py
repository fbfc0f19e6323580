"""`toolcrib agents`: each agent in a line, its models in one cell."""

from typing import Any

import pytest

from toolcrib.cli.showing import models_cell


@pytest.mark.parametrize(
    ("model", "cell"),
    [
        ("offline", "offline"),
        ({"simple": "a", "medium": None, "complex": {"model": "b", "options": {}}}, "simple a, complex b"),
        ({"medium": "a", "fallback": ["b", {"model": "c", "options": {}}]}, "medium a, else b, else c"),
    ],
)
def test_models_of_an_agent_are_told_in_one_cell(model: Any, cell: str) -> None:
    assert models_cell(model) == cell

"""The page on resources: its example is a project that runs, and it names all that can be said of a resource."""

from dataclasses import fields
from pathlib import Path

import pytest

import toolcrib
from toolcrib.core.decorator import ResourceDeclaration
from toolcrib.core.ports import ResourceStats

pytestmark = pytest.mark.anyio
PAGE = (Path(__file__).parents[2] / "docs" / "resources.md").read_text()


async def test_the_example_opens_its_resource_once_and_answers(tmp_path: Path) -> None:
    code = PAGE.partition("```python\n# tools/orders.py\n")[2].partition("```")[0]
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "orders.py").write_text(code)
    async with toolcrib.open(tmp_path) as crib:
        assert (await crib.call("order_status", {"order_id": "A-42"})).value == "shipped"
        assert (await crib.call("order_status", {"order_id": "A-1"})).value == "there is no such order"
        assert crib.resources() == {"orders": ResourceStats(open=1, opened=1)}


def test_every_word_of_the_decorator_is_on_the_page_with_its_default() -> None:
    for field in fields(ResourceDeclaration):
        default = (
            "the function's" if field.name == "name" else "none" if field.default is None else f"{field.default:g}"
        )
        assert f"| `{field.name}` | {default} |" in PAGE, field.name

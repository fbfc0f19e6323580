"""A release in a worker process: its tools find the same modules as here."""

from pathlib import Path

from tests.unit.loader.projects import Project
from toolcrib.runtime.worker import load, pack_release

TOOL = '''
from shop.prices import PRICE
from toolcrib.core.decorator import tool

@tool
def price() -> int:
    """Say the price."""
    return PRICE
'''


def test_a_worker_finds_packages_below_the_roots_of_the_project(tmp_path: Path) -> None:
    project = Project(str(tmp_path))
    loaded, reasons = project.load({"tools/price.py": TOOL, "src/shop/prices.py": "PRICE = 7"})
    assert reasons == ()
    assert loaded is not None
    assert list(load(pack_release(loaded.space, loaded.tools.values()))) == ["tools/price.py:price"]
    project.pool.sweep([])

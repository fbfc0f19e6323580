"""docs/tenants.md: its example does what the page says, and is explained as the page shows."""

import re
from pathlib import Path

import pytest

import toolcrib
from tests.integration.commands import toolcrib as command

pytestmark = pytest.mark.anyio
PAGE = (Path(__file__).parents[2] / "docs" / "tenants.md").read_text(encoding="utf-8")
POLICIES = """tools:
  order_status: {timeout_s: 5, rate_limit: 100/minute}
per_tenant:
  acme:
    order_status: {rate_limit: 1000/minute}
"""


def write(root: Path) -> None:
    """The files of the page, each under the path in its first line."""
    for path, text in re.findall(r"```(?:python|yaml)\n# (\S+)\n(.*?)```", PAGE, re.DOTALL):
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    (root / "tools.yaml").write_text(POLICIES)


async def test_the_example_serves_acme_otherwise_than_all_others(tmp_path: Path) -> None:
    write(tmp_path)
    async with toolcrib.open(tmp_path) as crib:
        call = {"order_id": "A1"}
        assert (await crib.call("order_status", call)).value == "A1 is on its way"
        assert (await crib.call("order_status", call, tenant="acme")).value == "A1 is on its way, gate 7"
        assert (await crib.call("refund", call, tenant="globex")).ok
        assert not (await crib.call("refund", call, tenant="acme")).ok


def test_the_example_is_explained_as_the_page_shows(tmp_path: Path) -> None:
    write(tmp_path)
    shown = command(tmp_path, "tools", "explain", "order_status", "--tenant", "acme").stdout
    page = PAGE.partition("tools explain order_status --tenant acme\n")[2].partition("\n\n")[0]
    for line in page.splitlines()[1:]:
        words = [
            word for cell in re.split(r"  +|: ", line) for word in [cell.strip()] if " in " in word or ".py:" in word
        ]
        assert words
        name = line.split()[0]
        found = next(row for row in shown.splitlines() if row.startswith(name + " "))
        place = re.compile(r"(?<=orders\.py:)\d+")  # without its first line, a file of the page is one line shorter
        for word in words:
            assert place.sub("N", word.rpartition(" ")[2]) in place.sub("N", found), line
    gone = command(tmp_path, "tools", "explain", "refund", "--tenant", "acme")
    assert (gone.returncode, "taken away by tools.refund in tenants/acme/tools.yaml:" in gone.stderr) == (4, True)

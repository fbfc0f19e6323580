"""docs/deployments.md: its verdicts are the gate's, its example is a project that passes, its messages are real."""

import re
from pathlib import Path
from typing import get_args

import pytest

import toolcrib
from toolcrib.core.releases import Verdict, Verification
from toolcrib.loader.compat.rules import RULES
from toolcrib.runtime.build import verify_project

pytestmark = pytest.mark.anyio
PAGE = (Path(__file__).parents[2] / "docs" / "deployments.md").read_text(encoding="utf-8")


def test_the_table_of_verdicts_is_the_gates_own() -> None:
    table = PAGE.partition("| what changed | verdict |\n|---|---|\n")[2].partition("\n\n")[0]
    told = dict(re.findall(r"^\| (.+) \| `(\w+)` \|$", table, re.MULTILINE))
    assert len(told) == len(table.splitlines())
    assert told == {name: rule.verdict for name, rule in RULES.items()}


def test_every_verdict_is_explained() -> None:
    table = PAGE.partition("| verdict | a thread that waits")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == list(get_args(Verdict))


async def verified(root: Path, code: str) -> Verification:
    (root / "tools").mkdir(exist_ok=True)
    (root / "tools" / "prices.py").write_text(code)
    return await verify_project(root)


async def test_the_example_keeps_its_promises_and_another_rate_breaks_one(tmp_path: Path) -> None:
    code = "# tools/prices.py" + PAGE.partition("```python\n# tools/prices.py")[2].partition("```")[0]
    assert (await verified(tmp_path, code)).to_dict() == Verification(reasons=()).to_dict()
    async with toolcrib.open(tmp_path) as crib:
        assert crib.release.tools["convert"].spec.examples == (
            "What are 10 euros in Swedish crowns?",
            "10 euros in XYZ?",
        )
    (reason,) = (await verified(tmp_path, code.replace("11.25", "11.2"))).reasons
    assert f"error[{reason.code}]: {reason.message}\n  --> {reason.place}\n" in PAGE
    broken = await verified(tmp_path, code.replace('"SEK": 11.25', '"SEK": 11.25, "FREE": 0'))
    assert [(one.code, one.line) for one in broken.reasons] == [("selftest", 30)]

"""docs/experiments.md: its example is a project that passes, and its variants do what the page says."""

import re
from pathlib import Path

import pytest

import toolcrib

pytestmark = pytest.mark.anyio
PAGE = (Path(__file__).parents[2] / "docs" / "experiments.md").read_text(encoding="utf-8")


def write(root: Path) -> None:
    """The files of the page, each under the path in its first line, and the prompts it names."""
    for path, text in re.findall(r"```(?:python|yaml)\n# (\S+)\n(.*?)```", PAGE, re.DOTALL):
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    (root / "prompts").mkdir()
    for name in ("support", "brief"):
        (root / "prompts" / f"{name}.md").write_text(f"{name}.")


async def test_the_example_serves_each_tenant_and_user_its_variant(tmp_path: Path) -> None:
    write(tmp_path)
    async with toolcrib.open(tmp_path) as crib:
        assert sorted(crib.release.tools) == ["search"]
        answers = set()
        for number in range(40):
            result = await crib.call("search", {"query": "shoes"}, tenant=f"t{number}")
            answers.add((result.value, *dict(result.variants).items()))
        assert answers == {
            ("all about shoes", ("search_v2", "control")),
            ("5 about shoes", ("search_v2", "fast")),
        }
        assert (await crib.call("search", {"query": "shoes"})).variants == ()
        tones = {
            (dict(arms)["tone"], crib.release.agent("support", arms=arms).prompt)
            for arms in (crib.release.arms(user=f"u{number}") for number in range(20))
        }
        assert tones == {("plain", "support."), ("brief", "brief.")}
        assert [one["name"] for one in crib.experiments.list()] == ["search_v2", "tone"]
        (told,) = crib.experiments.explain("search", tenant="fabrikam")
        assert (told["variant"], told["by"], told["place"]) == ("fast", "tenant", "tools.yaml:4")

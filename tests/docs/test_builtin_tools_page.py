"""docs/builtin-tools.md, and long results in docs/policies.md: their examples run, their figures are true."""

import re
from pathlib import Path

import pytest

import toolcrib
from toolcrib.core.settings import ArtifactsSettings
from toolcrib.tools.adapt import adapt
from toolcrib.tools.builtin.catalogue import BUILTIN
from toolcrib.tools.builtin.read_artifact import AROUND_CHARS, MAX_PLACES

pytestmark = pytest.mark.anyio
DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "builtin-tools.md").read_text(encoding="utf-8")
SECTION = (DOCS / "policies.md").read_text(encoding="utf-8").partition("## Results too long for a model")[2]
AGENTS = "agents: {clerk: {model: offline, tools: [export_orders]}}\n"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", SECTION, re.DOTALL)


async def test_the_example_gives_the_note_and_the_pieces_that_the_pages_show(tmp_path: Path) -> None:
    tool, reading, *_ = blocks("python")
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "orders.py").write_text(tool)
    (tmp_path / "toolcrib.yaml").write_text(blocks("yaml")[0])
    (tmp_path / "agents.yaml").write_text(AGENTS)
    async with toolcrib.open(tmp_path) as crib:
        assert crib.release.agents["clerk"].tools == ("export_orders", "read_artifact")
        assert crib.settings.artifacts == ArtifactsSettings()
        known: dict[str, object] = {"crib": crib}
        exec("async def example():\n    " + reading.replace("\n", "\n    ") + "\n    return result, piece", known)
        result, piece = await known["example"]()  # type: ignore[operator]  # made by exec
        (shown,) = blocks("text")
        handle = re.findall(r"art_\w{32}", shown)[0]
        assert result.value[20_001:] == " ".join(shown.split()).replace(handle, result.artifact)
        assert (piece.offset, piece.next_offset, piece.total_chars) == (20_000, 30_000, 153_890)
        read = (await crib.call("read_artifact", {"handle": result.artifact, "offset": 20_000}, tenant="acme")).value
        search = {"handle": result.artifact, "search": '"order": 999,'}
        found = (await crib.call("read_artifact", search, tenant="acme")).value
    told = re.findall(r"```json\n(.*?)\n```", PAGE, re.DOTALL)
    assert told[0] == str({**read, "text": "…"}).replace("'", '"')
    (place,) = found["places"]
    shown_place = {"offset": place["offset"], "text": "… around it …"}
    assert told[1] == str({**found, "places": [shown_place]}).replace("'", '"').replace("None", "null")


def test_every_built_in_tool_and_each_of_its_arguments_is_on_the_page() -> None:
    for name, function in BUILTIN.items():
        part = PAGE.partition(f"## `{name}`\n")[2].partition("\n## ")[0]
        assert part, name
        for argument in adapt(function).spec.args_schema["properties"]:
            assert f"| `{argument}` |" in part, (name, argument)


def test_the_bounds_of_read_artifact_are_those_on_the_page() -> None:
    spec = adapt(BUILTIN["read_artifact"]).spec
    limit = spec.args_schema["properties"]["limit"]
    assert f"{limit['maximum']:,} at most; {limit['default']:,} without" in PAGE
    assert spec.policy.output is not None
    assert f"gives {spec.policy.output.max_chars:,} characters at most" in PAGE
    assert f"up to {MAX_PLACES} places, each with {AROUND_CHARS} characters" in PAGE

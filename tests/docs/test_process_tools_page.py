"""docs/process-tools.md: its settings are all there are, and its example is a tool in a worker process."""

import re
from pathlib import Path

import pytest

import toolcrib
from toolcrib.core.settings import ProcessesSettings
from toolcrib.runtime.locate import read_settings

pytestmark = pytest.mark.anyio
PAGE = (Path(__file__).parents[2] / "docs" / "process-tools.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


async def test_the_example_serves_from_a_worker_process(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "parse.py").write_text(blocks("python")[0].replace("...", 'return {"words": 3}'))
    (tmp_path / "tools.yaml").write_text(blocks("yaml")[0])
    async with toolcrib.open(tmp_path) as crib:
        assert crib.release.tool("parse").spec.policy.isolation == "process"
        assert (await crib.call("parse", {"path": "a.txt"})).value == {"words": 3}


def test_the_settings_on_the_page_are_all_there_are_and_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "toolcrib.yaml").write_text(blocks("yaml")[1])
    settings = read_settings(tmp_path).processes
    assert settings == ProcessesSettings()
    assert settings.model_fields_set == set(ProcessesSettings.model_fields)

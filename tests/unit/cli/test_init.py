"""`toolcrib init`: what it writes, what it leaves alone, and that the result is a project."""

import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

import toolcrib
from toolcrib.cli.init import FIRST_STEPS, Template, init, template_files
from toolcrib.core.errors import Conflict
from toolcrib.runtime.build import open_project, verify_project

TEMPLATES: tuple[Template, ...] = get_args(Template)


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_file_of_a_template_arrives_under_its_real_name(template: Template, tmp_path: Path) -> None:
    init(tmp_path / "new", template)
    written = {str(p.relative_to(tmp_path / "new")) for p in (tmp_path / "new").rglob("*") if p.is_file()}
    assert written == set(template_files(template))
    assert {".gitignore", "README.md"} < written
    assert not [name for name in written if name.endswith(".tmpl") or "dot_" in name]


@pytest.mark.anyio
@pytest.mark.parametrize("template", TEMPLATES)
async def test_every_template_passes_the_gate(template: Template, tmp_path: Path) -> None:
    init(tmp_path, template)
    assert (await verify_project(tmp_path)).reasons == ()


@pytest.mark.anyio
async def test_the_agent_template_answers_at_once(tmp_path: Path) -> None:
    init(tmp_path, "agent")
    async with open_project(tmp_path) as crib:
        result = await crib.run("assistant", "Where is parcel P-2?")
    assert result.success
    assert "Paris" in str(result.output)


@pytest.mark.anyio
async def test_the_tools_template_can_be_called_at_once(tmp_path: Path) -> None:
    init(tmp_path, "tools")
    async with open_project(tmp_path) as crib:
        days = await crib.call("days_between", {"start": "2026-01-01", "end": "2026-03-01"})
        feet = await crib.call("convert_length", {"value": 3, "from_unit": "ft", "to_unit": "m"})
    assert (days.value, feet.value) == (59, 0.9144)


@pytest.mark.anyio
async def test_the_langgraph_template_answers_at_once(tmp_path: Path) -> None:
    init(tmp_path, "langgraph")
    async with open_project(tmp_path) as crib:
        result = await crib.run("assistant", "How long does delivery take?")
    assert result.success
    assert "two to four days" in str(result.output)


@pytest.mark.parametrize("template", ["agent", "tools"])
def test_the_tests_of_a_new_project_pass(template: Template, tmp_path: Path) -> None:
    init(tmp_path, template)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    env = os.environ | {"PYTHONPATH": str(Path(toolcrib.__file__).parents[1])}
    outcome = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_a_directory_with_files_is_refused_and_stays_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(Conflict, match=r"notes\.txt") as refused:
        init(tmp_path)
    assert "--force" in refused.value.hint
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(Conflict, match="is a file"):
        init(tmp_path / "taken", force=True)


def test_force_adds_what_is_missing_and_overwrites_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "agents.yaml").write_text("agents: {}\n")
    init(tmp_path, "agent", force=True)
    assert (tmp_path / "agents.yaml").read_text() == "agents: {}\n"
    assert (tmp_path / "tools" / "parcels.py").is_file()
    assert "kept   agents.yaml" in capsys.readouterr().out


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_next_steps_are_printed(template: Template, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init(tmp_path / "new", template)
    printed = capsys.readouterr().out
    assert f"cd {tmp_path / 'new'}" in printed
    assert all(step in printed for step in FIRST_STEPS[template])

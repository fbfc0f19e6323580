"""What to do about an import of something that is not there."""

from pathlib import Path

import pytest

from toolcrib.loader.cold.missing import missing_hint

REQUIREMENTS = "# tools\nzzz-Weather[fast]>=2  # forecasts\nPyZzzyaml==6\n-r other.txt\npillow-zzz\n"
PYPROJECT = """
[project]
dependencies = ["zzz_maps~=1.0; python_version > '3'"]
optional-dependencies = {pictures = ["Pillow"]}
"""


@pytest.fixture
def root(tmp_path: Path) -> str:
    (tmp_path / "requirements.txt").write_text(REQUIREMENTS)
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    return str(tmp_path)


@pytest.mark.parametrize(
    ("module", "hint"),
    [
        ("zzz_weather", "requirements.txt lists it: zzz-Weather[fast]>=2"),
        ("zzz_weather.sub", "requirements.txt lists it: zzz-Weather[fast]>=2"),
        ("zzzyaml", "requirements.txt lists it: PyZzzyaml==6"),
        ("zzz_maps", "pyproject.toml lists it: zzz_maps~=1.0; python_version > '3'"),
        ("PIL", "pyproject.toml lists it: Pillow"),
        ("zzz_other", "'zzz_other' is not installed; install it and restart."),
    ],
)
def test_a_package_that_is_not_installed_is_looked_up_among_what_the_project_asks_for(
    root: str, module: str, hint: str
) -> None:
    found = missing_hint(module, root)
    assert found.startswith(f"{module.partition('.')[0]!r} is not installed; install it and restart.")
    assert found.endswith(hint)


def test_a_part_that_another_version_has_is_told_apart(root: str) -> None:
    hint = "'pytest' is installed, but this version of it has no 'pytest.zzz': install one that has it and restart."
    assert missing_hint("pytest.zzz", root) == hint


@pytest.mark.parametrize("name", ["fast.so", "fast.cpython-311-x86_64-linux-gnu.so", "fast.pyd"])
def test_compiled_code_in_the_project_is_told_apart(root: str, name: str) -> None:
    (Path(root) / "tools").mkdir()
    (Path(root) / "tools" / name).touch()
    hint = f"tools/{name} is compiled code, which is no part of a release: install it as a package and restart."
    assert missing_hint("tools.fast", root) == hint


@pytest.mark.parametrize(
    "text", ["not [ toml", "project = 1", "[project]\ndependencies = 1", "[project]\noptional-dependencies = 1"]
)
def test_a_pyproject_that_makes_no_sense_is_passed_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    (tmp_path / "requirements.txt").write_bytes(b"\xff")
    assert missing_hint("zzz", str(tmp_path)) == "'zzz' is not installed; install it and restart."


def test_without_a_project_the_package_alone_is_named() -> None:
    assert missing_hint("zzz", "") == "'zzz' is not installed; install it and restart."

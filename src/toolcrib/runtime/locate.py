"""Where a project is, and what its cold settings are; needs no framework."""

import os
from pathlib import Path

from toolcrib.core.errors import ProjectInvalid
from toolcrib.core.settings import Settings
from toolcrib.loader.bundle import read_files
from toolcrib.loader.cold.environment import with_declared
from toolcrib.loader.config import read_config

SETTINGS = ("toolcrib.yaml", "toolcrib.yml")
MARKS = (*SETTINGS, "agents.yaml", "agents.yml", "tools.yaml", "tools.yml", "langgraph.json")
FOLDERS = ("tools", "graphs")


def find_project(start: Path) -> Path:
    """The nearest folder, from `start` upward, that is a project.

    Raises:
        ProjectInvalid: there is none.
    """
    here = start.resolve()
    for folder in (here, *here.parents):
        if any((folder / mark).is_file() for mark in MARKS):
            return folder
    if any((here / folder).is_dir() for folder in FOLDERS):
        return here
    raise ProjectInvalid(
        f"There is no toolcrib project in {here} or above it.",
        hint="`toolcrib init DIR` makes one. It has toolcrib.yaml, agents.yaml, langgraph.json, tools/ or graphs/.",
    )


def locate(root: str | Path | None) -> Path:
    """The absolute path of the given project, or of the nearest one from here upward.

    Raises:
        ProjectInvalid: none was given, and there is none.
    """
    return Path(root).resolve() if root is not None else find_project(Path.cwd())


def read_settings(root: Path) -> Settings:
    """The cold settings of the project.

    Raises:
        ProjectInvalid: there is no such directory, or `toolcrib.yaml` or `env` of `langgraph.json` has mistakes.
    """
    config, reasons = read_config(read_files(root, SETTINGS), env=with_declared(root, os.environ))
    if reasons:
        raise ProjectInvalid("toolcrib.yaml has mistakes.", reasons=reasons)
    return config.settings

"""What a serving process took from its project when it started, left beside its state for other processes."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from toolcrib.core.releases import ColdChange
from toolcrib.loader.cold.facts import INSTALLED, Facts, cold_changes, read_facts

NAME = "started.json"


def leave(state: Path, facts: Facts, *, token: str) -> None:
    """Leave what this process took, readable for this user alone: digests of short secrets can be guessed."""
    text = json.dumps({"token": token, "facts": [[*fact, value] for fact, value in facts.items()]})
    state.mkdir(parents=True, exist_ok=True)
    beside = state / f".{NAME}.{token}"
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(beside, state / NAME)


def take_back(state: Path, *, token: str) -> None:
    """The process ends; a later one may have left its own word meanwhile."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        if json.loads((state / NAME).read_bytes())["token"] == token:
            (state / NAME).unlink()


def recall(state: Path, now: Facts) -> Facts:
    """What the process that serves took, if there is one; else `now`. The packages are always those of `now`.

    Another process may stand in another environment: only the files of the project are compared.
    """
    try:
        left = json.loads((state / NAME).read_bytes())["facts"]
        facts: Facts = {(kind, file, item): value for kind, file, item, value in left if file != INSTALLED}
    except (OSError, ValueError, KeyError, TypeError):
        return now
    return {**facts, **{fact: value for fact, value in now.items() if fact[1] == INSTALLED}}


def restart_needed(root: Path, state: Path, *, env: Mapping[str, str]) -> tuple[ColdChange, ...]:
    """What the process that serves the project must be restarted for; nothing when none does."""
    now = read_facts(root, env=env, before={})
    return cold_changes(recall(state, now), now)

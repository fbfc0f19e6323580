"""A call whose process is killed between any two writes never takes effect twice, and a finished one is given back."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def call(place: Path, die: str) -> dict[str, Any] | None:
    """Make the call in a process of its own; None when it was killed."""
    command = [sys.executable, "-m", "tests.faults.dying_call", str(place / "db"), str(place / "effects"), die]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, -9), done.stderr
    return json.loads(done.stdout) if done.returncode == 0 else None


@pytest.mark.parametrize(
    ("die", "effects", "answer"),
    [
        ("before begin", 1, "journaled"),
        ("after begin", 0, "call_in_doubt"),
        ("after the effect", 1, "call_in_doubt"),
        ("after finish", 1, "journaled"),
        ("nowhere", 1, "journaled"),
    ],
)
def test_a_killed_call_takes_effect_once_or_is_in_doubt(die: str, effects: int, answer: str, tmp_path: Path) -> None:
    first = call(tmp_path, die)
    assert (first is None) is (die != "nowhere")
    call(tmp_path, "nowhere")
    result = call(tmp_path, "nowhere")
    assert result is not None
    file = tmp_path / "effects"
    assert (file.read_text().count("paid") if file.exists() else 0) == effects
    told = result["error"]["code"] if result["error"] else "journaled" if result["journaled"] else "paid again"
    assert told == answer

"""LangGraph's own tests of its ToolNode, with ours in its place. `make langgraph-suite` fetches them and runs this.

They are not a part of LangGraph's wheels, and so not of an installation: without a copy there is nothing to run. What
they say is covered by our own tests too (tests/unit/agents/live).
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = "TOOLCRIB_LANGGRAPH_TESTS"
"""Names the directory that holds langgraph-prebuilt's `tests`."""
MODULES = (
    "test_tool_node.py",
    "test_tool_node_interceptor_unregistered.py",
    "test_tool_node_validation_error_filtering.py",
    "test_on_tool_call.py",
    "test_injected_state_not_required.py",
    "test_react_agent.py",
    "test_tool_call_transformer.py",
)
LEFT_OUT: tuple[str, ...] = ()
"""Tests of theirs that are not run, each with its reason: none."""


def test_langgraphs_own_tests_pass_with_our_tool_node(tmp_path: Path) -> None:
    given = os.environ.get(SUITE)
    if not given:
        pytest.skip(f"no copy of LangGraph's tests: `make langgraph-suite` fetches one, or set {SUITE}")
    home = Path(given).resolve()
    missing = [name for name in MODULES if not (home / "tests" / name).is_file()]
    assert not missing, f"{home} has no tests/{missing[0]}"

    ini = tmp_path / "pytest.ini"
    ini.write_text("[pytest]\nanyio_mode = auto\n")
    command = [sys.executable, "-m", "pytest", "-rs", "-c", str(ini), f"--rootdir={home}", "--noconftest"]
    command += ["-p", "langgraph_plugin", "-p", "no:cacheprovider", "-W", "ignore"]
    command += [f"--deselect={name}" for name in LEFT_OUT]
    command += [f"tests/{name}" for name in MODULES]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=home, env=env, capture_output=True, text=True, timeout=110, check=False)

    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "toolcrib.ToolNode stands in for langgraph.prebuilt.ToolNode" in done.stdout
    found = re.search(r"(\d+) passed", done.stdout)
    assert found, done.stdout
    assert int(found[1]) > 200, "fewer than LangGraph had in 2026: were they collected?"
    assert "skipped" not in done.stdout, done.stdout

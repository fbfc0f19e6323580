"""What a serving process tells people."""

import pytest

from tests.unit.server.conftest import Door
from toolcrib.core.reasons import Reason
from toolcrib.core.releases import Change, ColdChange, Deployment
from toolcrib.server.lines import deployment_lines, restart_lines, welcome_lines


def test_a_deployment_is_told_with_its_time_and_its_changes() -> None:
    change = Change(kind="tool", name="order_status", change="changed", detail="code")
    deployment = Deployment(state="active", release="r-1a2b3c4d", diff=(change,), timings_s={"total": 0.0841})
    assert deployment_lines(deployment) == ["✓ r-1a2b3c4d live in 84 ms  tool order_status changed (code)"]


def test_a_rejection_draws_the_reasons_and_says_what_goes_on_serving() -> None:
    reason = Reason(code="syntax", message="invalid syntax", file="tools/a.py", line=1, column=5, source="def (:")
    drawn, verdict = deployment_lines(
        Deployment(state="rejected", release="r-2", previous="r-1", reasons=(reason,)),
    )
    assert "--> tools/a.py:1:5" in drawn
    assert verdict == "✗ r-2 rejected; r-1 goes on serving"


def test_what_a_change_means_for_threads_is_told_when_it_means_something() -> None:
    changes = (
        Change(kind="tool", name="add", change="added", verdict="safe"),
        Change(
            kind="state", name="bot", change="changed", detail="field x removed", verdict="needs_migration", why="lost"
        ),
    )
    deployment = Deployment(state="active", release="r-1", diff=changes, verdict="needs_migration")
    assert deployment_lines(deployment) == [
        "✓ r-1 live  tool add added, state bot changed (field x removed)",
        "  needs_migration: state bot: lost",
    ]


def test_what_was_accepted_is_told_as_a_warning_also_at_the_start() -> None:
    reason = Reason(code="permissions", message="less", file="tools/a.py", line=3)
    taken = Deployment(state="active", release="r-1", accepted=(reason,))
    warning, live = deployment_lines(taken)
    assert warning == "warning[permissions]: less\n  --> tools/a.py:3"
    assert live == "✓ r-1 live"
    assert deployment_lines(Deployment(state="active", release="r-1", accepted=(reason,), actor="start")) == [warning]


@pytest.mark.parametrize(
    ("deployment", "lines"),
    [
        (Deployment(state="unchanged", release="r-1"), ["= r-1 serves already"]),
        (Deployment(state="rolled_back", release="r-1"), ["✓ r-1 live again"]),
        (Deployment(state="active", release="r-1", actor="start"), []),
    ],
)
def test_other_ends_of_a_deployment_have_their_words(deployment: Deployment, lines: list[str]) -> None:
    assert deployment_lines(deployment) == lines


def test_what_needs_a_restart_is_told_below_each_deployment_and_when_it_changes() -> None:
    port = ColdChange(kind="settings", file="toolcrib.yaml", items=("server.port",))
    env = ColdChange(kind="environment", file=".env")
    deployment = Deployment(state="active", release="r-1", restart_needed=(port, env))
    due = "needs a rolling restart: toolcrib.yaml (server.port); .env"
    assert deployment_lines(deployment) == ["✓ r-1 live", f"  {due}"]
    assert restart_lines((port, env)) == [
        f"! {due}",
        "  Settings are read once, when the process starts.",
        "  A process keeps the environment variables it was started with.",
    ]
    assert restart_lines(()) == ["= no restart is needed any more"]


@pytest.mark.anyio
async def test_the_welcome_tells_address_release_and_counts(reading: Door) -> None:
    first, second = welcome_lines(reading.crib, "http://127.0.0.1:2024", watch=True)
    release = reading.crib.release.id
    assert first == (f"toolcrib serves {release} (3 tools, 1 agent) on http://127.0.0.1:2024, watching {reading.root}")
    assert "http://127.0.0.1:2024/docs" in second


@pytest.mark.anyio
async def test_the_welcome_tells_why_the_newest_tree_does_not_serve(door: Door) -> None:
    door.tools.write_text("def broken(:\n")
    await door.http.post("/v1/deployments")
    drawn, verdict, *_ = welcome_lines(door.crib, "http://x", watch=False)
    assert "tools/words.py:1:12" in drawn
    assert f"{door.crib.release.id} goes on serving" in verdict

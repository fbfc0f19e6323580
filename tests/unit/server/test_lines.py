"""What a serving process tells people."""

import pytest

from tests.unit.server.conftest import Door
from toolcrib.core.reasons import Reason
from toolcrib.core.releases import Change, Deployment
from toolcrib.server.lines import deployment_lines, welcome_lines


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

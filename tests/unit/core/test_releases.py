"""The life of a release: the one table of legal moves, and ids."""

import json

from toolcrib.core.reasons import Reason
from toolcrib.core.releases import MOVES, Change, Deployment, Manifest


def test_every_state_that_can_be_reached_is_in_the_table() -> None:
    assert {state for targets in MOVES.values() for state in targets} == set(MOVES)


def test_no_state_is_a_dead_end_and_only_through_verification_does_a_release_serve() -> None:
    assert all(MOVES.values())
    assert [state for state, targets in MOVES.items() if "active" in targets] == [
        "verified",
        "draining",
        "drained",
        "retired",
    ]
    assert [state for state, targets in MOVES.items() if "verified" in targets] == ["staged"]


def test_a_release_is_retired_only_after_it_was_drained() -> None:
    assert [state for state, targets in MOVES.items() if "retired" in targets] == ["drained"]
    assert [state for state, targets in MOVES.items() if "drained" in targets] == ["draining"]


def test_the_id_is_the_beginning_of_the_digest() -> None:
    assert Manifest(digest="0123456789abcdef", files={}).release == "r-01234567"


def test_a_deployment_is_json_ready() -> None:
    deployment = Deployment(
        state="rejected",
        release="r-1",
        reasons=(Reason(code="c", message="m"),),
        diff=(Change(kind="tool", name="add", change="added"),),
        timings_s={"scan": 0.5},
    )
    data = json.loads(json.dumps(deployment.to_dict()))
    assert data["reasons"][0]["code"] == "c"
    assert data["diff"] == [{"kind": "tool", "name": "add", "change": "added", "detail": ""}]
    assert data["timings_s"] == {"scan": 0.5}

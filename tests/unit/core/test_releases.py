"""The life of a release: the one table of legal moves, and ids."""

import json

from toolcrib.core.reasons import Reason
from toolcrib.core.releases import (
    MOVES,
    SERVING,
    Canary,
    Change,
    Channel,
    ColdChange,
    Deployment,
    Manifest,
    repointed,
    restart_line,
)

PORT = ColdChange(kind="settings", file="toolcrib.yaml", items=("server.port",))


def test_every_state_that_can_be_reached_is_in_the_table() -> None:
    assert {state for targets in MOVES.values() for state in targets} == set(MOVES)


def test_no_state_is_a_dead_end_and_only_through_verification_does_a_release_serve() -> None:
    assert all(MOVES.values())
    for serves in SERVING - {"permanent"}:
        before = {state for state, targets in MOVES.items() if serves in targets}
        assert before - SERVING == {"verified", "inactive", "draining", "drained", "retired"}
    assert [state for state, targets in MOVES.items() if "permanent" in targets] == ["active"]
    assert [state for state, targets in MOVES.items() if "verified" in targets] == ["staged", "collected"]


def test_what_serves_is_never_collected_and_what_was_comes_back_only_by_its_files() -> None:
    assert not any("collected" in MOVES[state] for state in SERVING)
    assert MOVES["collected"] == {"staged", "verified"}


def test_a_release_is_retired_only_after_it_was_drained_or_when_it_never_served() -> None:
    assert [state for state, targets in MOVES.items() if "retired" in targets] == ["inactive", "drained"]
    assert [state for state, targets in MOVES.items() if "drained" in targets] == ["draining"]


A, B, C = ("a" * 64, "b" * 64, "c" * 64)
STABLE = Channel(generation=1, digest=A)
WITH_CANARY = Channel(generation=2, digest=A, canary=Canary(digest=B, percent=10.0))


def test_a_release_changes_its_state_with_what_it_is_for() -> None:
    assert repointed(Channel(), STABLE) == {A: "active"}
    assert repointed(STABLE, Channel(digest=B)) == {A: "draining", B: "active"}
    assert repointed(STABLE, WITH_CANARY) == {B: "canary"}
    assert repointed(WITH_CANARY, Channel(digest=B)) == {A: "draining", B: "active"}
    assert repointed(WITH_CANARY, STABLE) == {B: "draining"}
    assert repointed(WITH_CANARY, Channel(digest=C)) == {A: "draining", B: "draining", C: "active"}
    assert repointed(STABLE, STABLE) == repointed(WITH_CANARY, WITH_CANARY) == {}


def test_a_release_that_serves_a_held_tenant_still_serves() -> None:
    held = Channel(digest=A, held={"acme": A})
    assert repointed(STABLE, held) == {}
    assert repointed(held, Channel(digest=B, held={"acme": A})) == {B: "active"}
    assert repointed(Channel(digest=B, held={"acme": A}), Channel(digest=B)) == {A: "draining"}
    assert repointed(STABLE, Channel(digest=A, held={"acme": C})) == {C: "active"}
    assert repointed(WITH_CANARY, Channel(digest=A, held={"acme": B})) == {B: "active"}


def test_the_id_is_the_beginning_of_the_digest() -> None:
    assert Manifest(digest="0123456789abcdef", files={}).release == "r-01234567"


def test_a_deployment_is_json_ready() -> None:
    deployment = Deployment(
        state="rejected",
        release="r-1",
        reasons=(Reason(code="c", message="m"),),
        diff=(Change(kind="tool", name="add", change="added"),),
        timings_s={"scan": 0.5},
        restart_needed=(PORT,),
    )
    data = json.loads(json.dumps(deployment.to_dict()))
    assert data["reasons"][0]["code"] == "c"
    assert data["diff"] == [
        {"kind": "tool", "name": "add", "change": "added", "detail": "", "verdict": None, "why": "", "tenant": ""}
    ]
    assert data["timings_s"] == {"scan": 0.5}
    why = "Settings are read once, when the process starts."
    assert data["restart_needed"] == [
        {"kind": "settings", "file": "toolcrib.yaml", "items": ["server.port"], "why": why}
    ]


def test_what_needs_a_restart_fits_in_one_line() -> None:
    many = ColdChange(kind="dependencies", file="installed packages", items=tuple("abcdefghij"))
    env = ColdChange(kind="environment", file=".env")
    line = "needs a rolling restart: toolcrib.yaml (server.port); .env; installed packages (a, b, c, d, e, 5 more)"
    assert restart_line((PORT, env, many)) == line
    assert restart_line(()) == ""
    assert [ColdChange.from_dict(one.to_dict()) for one in (PORT, env, many)] == [PORT, env, many]

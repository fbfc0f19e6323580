"""Whom a candidate strands: told by shapes and the ledger alone."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from toolcrib.core.compat.shapes import (
    AgentShape,
    FieldShape,
    GraphShape,
    MigrationShape,
    Shape,
    StateShape,
    fingerprint,
)
from toolcrib.core.stores.ledger import RunRecord
from toolcrib.deployment.gate.parked import Parked, look_at_threads, lost_revisions
from toolcrib.stores.memory.ledger import MemoryRunLedger

pytestmark = pytest.mark.anyio
WAITS = RunRecord(run_id="1", thread_id="t", agent="desk", release="old", status="interrupted", paused_at=("ask",))
TEXT, NUMBER = FieldShape(type={"type": "string"}), FieldShape(type={"type": "number"})
M1 = MigrationShape(revision="m1", nodes={"ask": "review"}, reversible=True, file="migrations/m1.py")
ONE_WAY = MigrationShape(revision="m1", file="migrations/m1.py")


def shape(
    *nodes: str,
    policy: str = "run",
    fields: Mapping[str, FieldShape] | None = None,
    chain: tuple[MigrationShape, ...] = (),
) -> Shape:
    state = StateShape(fields=dict(fields or {"said": TEXT}))
    settings = {"thread_policy": fingerprint(policy)}
    graph = GraphShape(nodes=nodes)
    return Shape(
        agents={"desk": AgentShape(settings=settings, graph=graph, state=state, migrations=chain, file="g.py")}
    )


async def looked(candidate: Shape, *runs: RunRecord, older: Shape | None = None) -> Parked:
    ledger = MemoryRunLedger()
    for run in runs:
        await ledger.accept(run)

    async def find(digest: str) -> Shape | None:
        return older if older is not None else shape("ask")

    return await look_at_threads(candidate, ledger, find)


@pytest.mark.parametrize("policy", ["run", "latest"])
async def test_a_thread_whose_node_is_gone_is_stranded(policy: str) -> None:
    found = await looked(shape("other", policy=policy), WAITS)
    assert found.stranded == (WAITS,)
    (reason,) = found.reasons
    assert (reason.code, reason.file) == ("stranded", "g.py")
    assert "the node 'ask' they wait in is gone ('t' on r-old)" in reason.message


@pytest.mark.parametrize(
    ("candidate", "run"),
    [
        (shape("ask"), WAITS),
        (shape("review", chain=(M1,)), WAITS),
        (shape("other", policy="thread"), WAITS),
        (shape("other", policy="compatible"), WAITS),
        (shape("other"), replace(WAITS, moved_to="old")),
        (shape("other"), replace(WAITS, status="success")),
        (shape("ask", fields={"said": TEXT, "more": TEXT}), WAITS),
        (shape("review", fields={"said": NUMBER}, chain=(M1,)), WAITS),
        (shape("review", chain=(M1,)), replace(WAITS, paused_at=("review",), revision="m1")),
    ],
)
async def test_who_can_come_along_or_stays_anyway_is_not_stranded(candidate: Shape, run: RunRecord) -> None:
    assert await looked(candidate, run) == Parked()


@pytest.mark.parametrize(
    ("candidate", "older", "why"),
    [
        (Shape(), None, "agent 'desk' is gone"),
        (shape("ask", fields={"said": NUMBER}), None, "their state is another (field said retyped)"),
        (shape("ask", fields={}), shape("ask", fields={"said": TEXT, "note": TEXT}), "field note removed"),
        (shape("ask"), shape("ask", chain=(ONE_WAY,)), "migrations/m1.py has no `down`"),
    ],
)
async def test_the_reason_says_what_is_in_the_way(candidate: Shape, older: Shape | None, why: str) -> None:
    run = replace(WAITS, revision="m1") if older and older.agents["desk"].migrations else WAITS
    (reason,) = (await looked(candidate, run, older=older)).reasons
    assert why in reason.message
    assert reason.file == "g.py"  # also of an agent that is gone


async def test_threads_with_the_same_problem_are_one_reason_that_names_the_first() -> None:
    runs = [replace(WAITS, run_id=str(number), thread_id=f"t{number}", started_at=number) for number in range(7)]
    found = await looked(shape("other"), *runs)
    (reason,) = found.reasons
    assert "7 threads wait" in reason.message
    assert "'t6' on r-old" in reason.message
    assert "and 2 more" in reason.message
    assert len(found.stranded) == 7


def test_a_migration_may_go_when_it_can_be_undone() -> None:
    assert not list(lost_revisions(shape("ask", chain=(M1,)), shape("ask")))
    (reason,) = lost_revisions(shape("ask", chain=(ONE_WAY,)), shape("ask"))
    assert reason.code == "stranded"
    assert "'m1'" in reason.message

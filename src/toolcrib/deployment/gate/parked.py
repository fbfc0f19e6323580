"""What becomes of the threads there are when a candidate serves: whom it strands, and whether its migrations work."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from toolcrib.agents.state.migration import LONGEST_S
from toolcrib.agents.state.passages import Passages
from toolcrib.core.compat.migrations import NoWay, Step, head, renamed, way
from toolcrib.core.compat.shapes import AgentShape, MigrationShape, Shape, fingerprint
from toolcrib.core.errors import MigrationFailed
from toolcrib.core.reasons import Reason
from toolcrib.core.releases import release_id
from toolcrib.core.stores.ledger import RunLedger, RunRecord, ThreadFilter
from toolcrib.loader.compat.agents import compare_agents
from toolcrib.loader.config import AGENTS
from toolcrib.registry.release import Release

CODE = "stranded"
MOST, NAMED = 100_000, 5
_STAY = frozenset({fingerprint("thread"), fingerprint("compatible")})
"""Thread policies under which a thread that cannot come along stays anyway, also with its further turns."""
_HINT = (
    "Add a migration that says what became of it (docs/state-migrations.md), or hold these threads on their release: "
    "`toolcrib deploy --accept stranded`."
)
FindShape = Callable[[str], Awaitable[Shape | None]]
Steps = Sequence[Step[MigrationShape]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """What was found of threads: reasons against a candidate, and the last runs of those it would strand."""

    reasons: tuple[Reason, ...] = ()
    stranded: tuple[RunRecord, ...] = ()

    def __add__(self, other: "Parked") -> "Parked":
        return Parked(reasons=self.reasons + other.reasons, stranded=self.stranded + other.stranded)


NOBODY = Parked()


async def look_at_threads(candidate: Shape, ledger: RunLedger, find: FindShape) -> Parked:
    """Threads that wait for a human and could not go over to the candidate. Who was moved or held stays where he is.

    Args:
        candidate: the shape of what would serve.
        ledger: which threads there are.
        find: the shape of a stored release, by its digest; None when it is not known.
    """
    waiting = await ledger.threads(ThreadFilter(status="interrupted"), MOST)
    shapes: dict[str, Shape | None] = {}
    alike: dict[tuple[str, str], list[RunRecord]] = {}
    judged: dict[tuple[Any, ...], str] = {}
    for run in waiting:
        if run.moved_to:
            continue
        if run.release not in shapes:
            shapes[run.release] = await find(run.release)
        key = (run.agent, run.tenant, run.release, run.paused_at, run.revision)
        if key not in judged:
            theirs = shapes[run.release]
            judged[key] = _problem(run, theirs and theirs.seen_by(run.tenant), candidate.seen_by(run.tenant))
        if judged[key]:
            alike.setdefault((run.agent, judged[key]), []).append(run)
    reasons = [
        _reason(agent, problem, runs, candidate, shapes[runs[0].release]) for (agent, problem), runs in alike.items()
    ]
    return Parked(reasons=tuple(reasons), stranded=tuple(run for runs in alike.values() for run in runs))


async def rehearse(
    release: Release, ledger: RunLedger, passages: Passages, *, most: int, but: Iterable[RunRecord]
) -> Parked:
    """Migrate some threads in memory, those that wait first, and see whether the candidate can go on with them.

    Args:
        release: the candidate.
        ledger: which threads there are.
        passages: what migrates them.
        most: so many threads at most.
        but: threads that are not to be tried.
    """
    found = NOBODY
    try:
        async with asyncio.timeout(LONGEST_S):
            for run in await _sample(release, ledger, most, {run.run_id for run in but}):
                found += await _rehearsed(run, release, passages)
    except TimeoutError:
        message = f"migrating {most} threads took longer than {LONGEST_S:g} s"
        hint = "Make the migrations quicker, or try fewer threads: `gate: {rehearse: 5}` in toolcrib.yaml."
        found += Parked(reasons=(Reason(code="migration", message=message, file="migrations", hint=hint),))
    return found


async def _sample(release: Release, ledger: RunLedger, most: int, known: set[str]) -> list[RunRecord]:
    """Threads to try: those that wait, then others, the newest first."""
    chosen: list[RunRecord] = []
    for status in ("interrupted", ""):
        for agent in sorted(name for name, one in release.agents.items() if one.migrations):
            for run in await ledger.threads(ThreadFilter(agent=agent, status=status), most + len(known)):
                if len(chosen) < most and run.run_id not in known and _concerns(run, release):
                    known.add(run.run_id)
                    chosen.append(run)
    return chosen


def _concerns(run: RunRecord, release: Release) -> bool:
    """Whether a thread has the candidate's migrations before it."""
    agent = release.agents_of(run.tenant).get(run.agent)
    return agent is not None and not run.moved_to and run.status != "running" and run.revision != agent.revision


async def _rehearsed(run: RunRecord, release: Release, passages: Passages) -> Parked:
    """Nothing when it works; a reason when the project's code fails; a stranded thread when it cannot go there."""
    try:
        await passages.prepare(run, release)
    except MigrationFailed as error:
        cause = error.__cause__
        file, line = (cause.file, cause.line) if isinstance(cause, NoWay) else ("", 0)
        if file or run.status != "interrupted":
            hint = "Mend the migration: it was tried on what is saved of this thread."
            return Parked(reasons=(Reason(code="migration", message=error.message, file=file, line=line, hint=hint),))
        return Parked(reasons=(_reason(run.agent, str(cause), [run], release.shape),), stranded=(run,))
    return NOBODY


def _problem(run: RunRecord, theirs: Shape | None, candidate: Shape) -> str:
    """Why a thread that waits could not go over; empty when it could, or stays by its policy."""
    mine = candidate.agents.get(run.agent)
    if mine is None:
        return f"agent {run.agent!r} is gone"
    if mine.settings.get("thread_policy") in _STAY:
        return ""
    before = theirs.agents.get(run.agent, AgentShape()) if theirs else AgentShape()
    try:
        steps = way(run.revision, mine.migrations, before.migrations)
    except NoWay as error:
        return str(error)
    if gone := [node for node in run.paused_at if renamed(node, steps) not in mine.graph.nodes]:
        return f"the node {gone[0]!r} they wait in is gone"
    if steps or theirs is None:  # what migrations make of the state is tried, not compared
        return ""
    lost = [one.detail for one in _states(run.agent, theirs, candidate)]
    return f"their state is another ({lost[0]}), and no migration says what becomes of it" if lost else ""


def _states(agent: str, older: Shape, newer: Shape) -> Iterator[Any]:
    """Changes of an agent's state that what is saved does not survive."""
    for one in compare_agents(older, newer):
        if one.kind == "state" and one.name == agent and one.verdict in ("needs_migration", "breaking"):
            yield one


def lost_revisions(older: Shape, newer: Shape) -> Iterator[Reason]:
    """Migrations that are not there any more and cannot be undone: threads between two turns find no way back."""
    for name, mine in newer.agents.items():
        before = older.agents.get(name, AgentShape()).migrations
        try:
            way(head(before), mine.migrations, before)
        except NoWay as error:
            message = f"threads of agent {name!r} could not go on: {str(error).replace('its state', 'their state')}"
            hint = (
                "Put the migration back, or hold these threads on their release: `toolcrib deploy --accept stranded`."
            )
            yield Reason(code=CODE, message=message, file=mine.file, hint=hint)


def _reason(agent: str, problem: str, runs: Sequence[RunRecord], *shapes: Shape | None) -> Reason:
    """One reason for all threads that have the same problem, with the names of the first ones.

    Its file is the agent's in the first of the shapes that has it.
    """
    names = ", ".join(f"{run.thread_id!r} on {release_id(run.release)}" for run in runs[:NAMED])
    more = f" and {len(runs) - NAMED} more" if len(runs) > NAMED else ""
    what = "a thread waits" if len(runs) == 1 else f"{len(runs)} threads wait"
    message = f"{what} for a human and could not come along: {problem} ({names}{more})"
    file = next((shape.agents[agent].file for shape in shapes if shape and agent in shape.agents), AGENTS)
    return Reason(code=CODE, message=message, file=file, hint=_HINT)

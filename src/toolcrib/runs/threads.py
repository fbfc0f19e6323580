"""Threads over releases: which one the next turn takes, and moving threads from one to another."""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from toolcrib.agents.running import nodes_of
from toolcrib.agents.state.migration import Passage, write
from toolcrib.agents.state.passages import Passages
from toolcrib.core.compat.migrations import NoWay, renamed
from toolcrib.core.errors import (
    AgentNotFound,
    DeploymentRejected,
    MigrationFailed,
    ReleaseNotFound,
    ResumeRefused,
    ThreadBusy,
)
from toolcrib.core.releases import release_id
from toolcrib.core.stores.ledger import RunRecord, ThreadFilter
from toolcrib.core.stores.pins import STOPPED
from toolcrib.registry.release import Release
from toolcrib.runs.ports import RunPorts, RunRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadMove:
    """What becomes, or would become, of one thread when it is moved.

    Attributes:
        status: of its last run; `interrupted` waits for a human.
        source, target: ids of the releases.
        moved: whether it goes on with the target.
        through: revisions its state went through, or would go, on the way; see `docs/state-migrations.md`.
        problem: why it stays; empty when nothing speaks against it.
    """

    thread_id: str
    tenant: str
    agent: str
    status: str
    source: str
    target: str
    moved: bool = False
    through: tuple[str, ...] = ()
    problem: str = ""


class Threads:
    """The releases of threads."""

    def __init__(self, ports: RunPorts) -> None:
        self._ports = ports
        self._passages = Passages(self._find, scrub=ports.secrets.scrub)

    async def last(self, request: RunRequest) -> RunRecord | None:
        """The thread's last run, which the request may follow; None for a thread that has none.

        Raises:
            ThreadBusy: the thread waits for a human, and no answer was given; or it has a run under way, or stopped.
            ResumeRefused: there is nothing to answer, or nothing of this agent's.
        """
        last = None
        if request.thread_id:
            last = await self._ports.ledger.last(request.thread_id, tenant=request.tenant)
        if last is not None:
            await self._refuse_busy(last, answered=request.resume is not None)
        if request.resume is not None and (last is None or last.status != "interrupted"):
            raise ResumeRefused(
                f"Nothing waits for an answer on thread {request.thread_id!r}.",
                hint="Ask a question instead of resuming.",
            )
        if request.resume is not None and last is not None and last.agent != request.agent:
            raise ResumeRefused(
                f"On thread {request.thread_id!r} the agent {last.agent!r} waits for an answer, not {request.agent!r}.",
                hint=f"Resume {last.agent!r} with it.",
            )
        return last

    async def _refuse_busy(self, last: RunRecord, *, answered: bool) -> None:
        """A run left `running` by a process that has ended since, or by this one, keeps nobody from the thread."""
        if last.status == "interrupted" and not answered:
            raise ThreadBusy(
                f"Thread {last.thread_id!r} waits for a human's answer.",
                hint="Resume it with the answer, or ask on another thread.",
            )
        if last.status in STOPPED:
            raise ThreadBusy(
                f"A run of thread {last.thread_id!r} was stopped between two steps.",
                hint=f"Let it go on first: `toolcrib runs resume {last.run_id}`."
                if last.status == "drained"
                else "It goes on by itself: wait until it has ended.",
            )
        elsewhere = last.status == "running" and last.process not in ("", self._ports.process)
        if elsewhere and not await asyncio.to_thread(self._ports.has_ended, last.process):
            raise busy(last.thread_id)

    async def pin(self, request: RunRequest, thread_id: str, last: RunRecord | None, leases: ExitStack) -> Release:
        """Lease the release of this turn, which follows the thread's last run.

        Raises:
            ResumeRefused: there is no release on which the thread could go on.
            MigrationFailed: what is saved of the thread cannot be brought to the release.
        """
        registry = self._ports.registry
        with registry.lease(holder="run", tenant=request.tenant, key=thread_id) as serving:
            release = serving if last is None else await self._for_next_turn(request, last, serving)
            pinned = leases.enter_context(registry.lease(holder="run", release=release))
        if last is not None and last.agent == request.agent:
            await self._passages.bring_over(last, pinned)
        return pinned

    async def user(self, request: RunRequest) -> str:
        """On whose behalf a turn is that may be an answer; that belongs to the run that waits, whoever gives it."""
        if not request.thread_id:
            return request.user
        asked = await self._ports.ledger.last(request.thread_id, tenant=request.tenant)
        return asked.user if asked and asked.status == "interrupted" else request.user

    async def pin_guest(self, request: RunRequest, leases: ExitStack) -> Release:
        """Lease the release for a turn that another server drives, which alone knows what the thread waits for.

        Raises:
            ResumeRefused: the thread holds on to a release that is not to be had.
        """
        last = await self._ports.ledger.last(request.thread_id, tenant=request.tenant) if request.thread_id else None
        registry = self._ports.registry
        with registry.lease(holder="run", tenant=request.tenant, key=request.thread_id) as serving:
            goes_on = last is not None and last.agent == request.agent
            release = await self._for_next_turn(request, last, serving) if last is not None and goes_on else serving
            return leases.enter_context(registry.lease(holder="run", release=release))

    async def pin_again(self, stopped: RunRecord, leases: ExitStack) -> Release:
        """Lease the release that a stopped run goes on with: its own.

        Raises:
            ResumeRefused: it cannot be loaded, or has no such agent.
        """
        release = await self._held(stopped, stopped.release)
        return leases.enter_context(self._ports.registry.lease(holder="run", release=release))

    async def move(
        self, wanted: ThreadFilter, target: Release, *, dry_run: bool, migrate: bool = False
    ) -> Sequence[ThreadMove]:
        """Let threads go on with another release from their next turn on: those that can, and are not there already.

        A turn that waits for a human is answered on the new release then.

        Args:
            wanted: which threads.
            target: the release.
            dry_run: only say what would become of them.
            migrate: bring their saved state there now, not with their next turn; one that cannot come stays.
        """
        moves = []
        for last in await self._ports.ledger.threads(wanted, limit=MOST):
            if (move := await self._move(last, target, dry_run=dry_run, migrate=migrate)) is not None:
                moves.append(move)
        return moves

    async def _move(self, last: RunRecord, target: Release, *, dry_run: bool, migrate: bool) -> ThreadMove | None:
        """What becomes of one thread; None when it is there already.

        The ledger comes before the state: should the process die in between, the next turn migrates.
        """
        passage: Passage | None = None
        through: tuple[str, ...] = ()
        problem = await self._obstacle(last, target)
        there = last.goes_on_with == target.digest
        if migrate and not problem:
            try:
                passage = await self._passages.prepare(last, target)
            except MigrationFailed as error:
                problem = error.message
        if there and passage is None and not (migrate and problem):
            return None
        if not problem:
            through = await self._passages.through(last, target)
        moved = not problem and not dry_run and (there or await self._ports.ledger.move(last.run_id, target.digest))
        if moved and passage is not None:
            await write(passage, target.agent(last.agent, tenant=last.tenant))
        if not (problem or dry_run or moved):
            problem = "it has begun another turn meanwhile"
        return ThreadMove(
            thread_id=last.thread_id,
            tenant=last.tenant,
            agent=last.agent,
            status=last.status,
            source=release_id(last.goes_on_with),
            target=target.id,
            moved=moved,
            through=through,
            problem=problem,
        )

    async def _for_next_turn(self, request: RunRequest, last: RunRecord, serving: Release) -> Release:
        """The release that the agent's thread policy asks for; an operator's word goes before it."""
        if last.moved_to:
            return await self._fit(last, await self._held(last, last.moved_to))
        policy = _policy(request.agent, request.tenant, serving)
        waits = last.status == "interrupted"
        if last.release == serving.digest:
            return serving
        if not waits and policy in ("run", "latest"):
            stays = request.agent == last.agent and not await self._has_way(last, serving)
            return serving if not stays else await self._held(last, last.release)
        changes = policy == "latest" or (policy == "compatible" and not waits)
        if changes and not await self._obstacle(last, serving) and await self._may_change(last, serving):
            return serving
        return await self._held(last, last.release)

    async def _may_change(self, last: RunRecord, serving: Release) -> bool:
        """Whether a thread may go over by itself: migrations of its state say so, or nothing there can harm it."""
        if serving.agent(last.agent, tenant=last.tenant).revision != last.revision:
            return True
        return await self._ports.is_safe(last, serving)

    async def _has_way(self, last: RunRecord, serving: Release) -> bool:
        """Whether its state can come there; after a roll-back over a migration without `down` it cannot."""
        agent = serving.agents_of(last.tenant).get(last.agent)
        if agent is None:
            return True
        try:
            await self._passages.steps(last, agent)
        except NoWay:
            return False
        return True

    async def _held(self, last: RunRecord, digest: str) -> Release:
        """The release that a thread holds on to.

        Raises:
            ResumeRefused: it is not to be had; the thread stays as it is.
        """
        try:
            return await self._find(digest)
        except (ReleaseNotFound, DeploymentRejected) as error:
            raise ResumeRefused(
                f"Thread {last.thread_id!r} goes on with release {release_id(digest)}, which cannot be loaded: "
                f"{error.message}",
                hint="Mend that, or move the thread: `toolcrib threads move`.",
            ) from error

    async def _find(self, digest: str) -> Release:
        return self._ports.registry.resident(digest) or await self._ports.load(digest)

    async def _fit(self, last: RunRecord, release: Release) -> Release:
        """The release, if the thread can go on with it.

        Raises:
            ResumeRefused: LangGraph would drop the answer without a word.
        """
        if problem := await self._obstacle(last, release):
            raise ResumeRefused(
                f"Thread {last.thread_id!r} cannot go on with release {release.id}: {problem}.",
                hint=f"Release {release_id(last.release)} still has it: `toolcrib threads move` takes it back there.",
            )
        return release

    async def _obstacle(self, last: RunRecord, release: Release) -> str:
        """Why a thread cannot go on with this release; empty when it can."""
        if last.status == "running":
            return "a turn of it is under way"
        if last.status in STOPPED:
            return "a turn of it was stopped between two steps, and goes on with its own release"
        try:
            agent = release.agent(last.agent, tenant=last.tenant)
            steps = await self._passages.steps(last, agent)
        except AgentNotFound:
            return f"it has no agent {last.agent!r}"
        except NoWay as error:
            return str(error)
        gone = [name for name in last.paused_at if renamed(name, steps) not in nodes_of(agent)]
        if last.status == "interrupted" and gone:
            return f"the thread waits in the node {gone[0]!r}, which is not there"
        return ""


MOST = 100_000
"""So many threads are moved at once, at most."""


def busy(thread_id: str) -> ThreadBusy:
    """A thread has one run at a time."""
    return ThreadBusy(f"Thread {thread_id!r} has a run in flight.", hint="Wait until it has ended.")


def _policy(agent: str, tenant: str, serving: Release) -> str:
    """The thread policy of an agent, as the release that serves says; a thread whose agent is gone stays."""
    found = serving.agent_variants.get((agent, tenant)) or serving.agents.get(agent)
    return found.spec.thread_policy if found else "thread"

"""Threads over releases: which one the next turn takes, and moving threads from one to another."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from toolcrib.agents.running import nodes_of
from toolcrib.core.errors import AgentNotFound, DeploymentRejected, ReleaseNotFound, ResumeRefused, ThreadBusy
from toolcrib.core.ports import RunRecord, ThreadFilter
from toolcrib.core.releases import release_id
from toolcrib.registry.release import Release
from toolcrib.runs.ports import RunPorts, RunRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadMove:
    """What becomes, or would become, of one thread when it is moved.

    Attributes:
        status: of its last run; `interrupted` waits for a human.
        source, target: ids of the releases.
        moved: whether it goes on with the target.
        problem: why it stays; empty when nothing speaks against it.
    """

    thread_id: str
    tenant: str
    agent: str
    status: str
    source: str
    target: str
    moved: bool = False
    problem: str = ""


class Threads:
    """The releases of threads."""

    def __init__(self, ports: RunPorts) -> None:
        self._ports = ports

    async def pin(self, request: RunRequest, thread_id: str, leases: ExitStack) -> Release:
        """Lease the release of this turn.

        Raises:
            ThreadBusy: the thread waits for a human, and no answer was given.
            ResumeRefused: there is nothing to answer, or no release on which the thread could go on.
        """
        last = None
        if request.thread_id:
            last = await self._ports.ledger.last(thread_id, tenant=request.tenant)
        parked = last is not None and last.status == "interrupted"
        if request.resume is None and parked:
            raise ThreadBusy(
                f"Thread {thread_id!r} waits for a human's answer.",
                hint="Resume it with the answer, or ask on another thread.",
            )
        if request.resume is not None and not parked:
            raise ResumeRefused(
                f"Nothing waits for an answer on thread {thread_id!r}.", hint="Ask a question instead of resuming."
            )
        registry = self._ports.registry
        with registry.lease(holder="run", tenant=request.tenant, key=thread_id) as serving:
            release = serving if last is None else await self._for_next_turn(request, last, serving)
            return leases.enter_context(registry.lease(holder="run", release=release))

    async def move(self, wanted: ThreadFilter, target: Release, *, dry_run: bool) -> Sequence[ThreadMove]:
        """Let threads go on with another release from their next turn on: those that can, and are not there already.

        A turn that waits for a human is answered on the new release then.

        Args:
            wanted: which threads.
            target: the release.
            dry_run: only say what would become of them.
        """
        moves = []
        for last in await self._ports.ledger.threads(wanted, limit=MOST):
            if last.goes_on_with == target.digest:
                continue
            problem = _obstacle(last, target)
            moved = not problem and not dry_run and await self._ports.ledger.move(last.run_id, target.digest)
            if not (problem or dry_run or moved):
                problem = "it has begun another turn meanwhile"
            moves.append(
                ThreadMove(
                    thread_id=last.thread_id,
                    tenant=last.tenant,
                    agent=last.agent,
                    status=last.status,
                    source=release_id(last.goes_on_with),
                    target=target.id,
                    moved=moved,
                    problem=problem,
                )
            )
        return moves

    async def _for_next_turn(self, request: RunRequest, last: RunRecord, serving: Release) -> Release:
        """The release that the agent's thread policy asks for; an operator's word goes before it."""
        if last.moved_to:
            return await self._fit(last, await self._held(last, last.moved_to))
        policy = _policy(request.agent, request.tenant, serving)
        waits = last.status == "interrupted"
        if not waits and policy in ("run", "latest"):
            return serving
        if last.release == serving.digest:
            return serving
        changes = policy == "latest" or (policy == "compatible" and not waits)
        if changes and not _obstacle(last, serving) and await self._ports.is_safe(last, serving):
            return serving
        return await self._held(last, last.release)

    async def _held(self, last: RunRecord, digest: str) -> Release:
        """The release that a thread holds on to.

        Raises:
            ResumeRefused: it is not to be had; the thread stays as it is.
        """
        try:
            return self._ports.registry.resident(digest) or await self._ports.load(digest)
        except (ReleaseNotFound, DeploymentRejected) as error:
            raise ResumeRefused(
                f"Thread {last.thread_id!r} goes on with release {release_id(digest)}, which cannot be loaded: "
                f"{error.message}",
                hint="Mend that, or move the thread: `toolcrib threads move`.",
            ) from error

    async def _fit(self, last: RunRecord, release: Release) -> Release:
        """The release, if the thread can go on with it.

        Raises:
            ResumeRefused: LangGraph would drop the answer without a word.
        """
        if problem := _obstacle(last, release):
            raise ResumeRefused(
                f"Thread {last.thread_id!r} cannot go on with release {release.id}: {problem}.",
                hint=f"Release {release_id(last.release)} still has it: `toolcrib threads move` takes it back there.",
            )
        return release


MOST = 100_000
"""So many threads are moved at once, at most."""


def _policy(agent: str, tenant: str, serving: Release) -> str:
    """The thread policy of an agent, as the release that serves says; a thread whose agent is gone stays."""
    found = serving.agent_variants.get((agent, tenant)) or serving.agents.get(agent)
    return found.spec.thread_policy if found else "thread"


def _obstacle(last: RunRecord, release: Release) -> str:
    """Why a thread cannot go on with this release; empty when it can."""
    if last.status == "running":
        return "a turn of it is under way"
    try:
        agent = release.agent(last.agent, tenant=last.tenant)
    except AgentNotFound:
        return f"it has no agent {last.agent!r}"
    if last.status == "interrupted" and (gone := [name for name in last.paused_at if name not in nodes_of(agent)]):
        return f"the thread waits in the node {gone[0]!r}, which is not there"
    return ""

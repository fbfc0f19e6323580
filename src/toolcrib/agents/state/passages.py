"""`Passages`: the saved state of threads brought to the release they go on with, by its migrations."""

from collections.abc import Awaitable, Callable, Sequence

from toolcrib.agents.state.migration import Passage, prepare, standing, write
from toolcrib.core.agents import Agent
from toolcrib.core.compat.migrations import Migration, NoWay, Step, renamed, way
from toolcrib.core.errors import AgentNotFound, DeploymentRejected, MigrationFailed, ReleaseNotFound
from toolcrib.core.releases import release_id
from toolcrib.core.stores.ledger import RunRecord, checkpoint_thread
from toolcrib.registry.release import Release

Steps = Sequence[Step[Migration]]


class Passages:
    """From where a thread's last run left its state to where a release wants it."""

    def __init__(self, find: Callable[[str], Awaitable[Release]], *, scrub: Callable[[str], str]) -> None:
        """Nothing is brought anywhere yet.

        Args:
            find: a release, by its digest or its id.
            scrub: takes known secrets out of a text.
        """
        self._find = find
        self._scrub = scrub

    async def steps(self, last: RunRecord, agent: Agent) -> Steps:
        """The migrations between the thread's last run and an agent.

        Raises:
            NoWay: there is none.
        """
        return await self._way(last.revision, last.release, last, agent)

    async def through(self, last: RunRecord, release: Release) -> tuple[str, ...]:
        """Revisions between the thread's last run and a release, those that are undone with a minus in front.

        Raises:
            NoWay: see `steps`.
        """
        steps = await self.steps(last, release.agent(last.agent, tenant=last.tenant))
        return tuple(step.revision if direction == "up" else f"-{step.revision}" for step, direction in steps)

    async def bring_over(self, last: RunRecord, release: Release) -> None:
        """Migrate the thread's state, if it is not yet where the release wants it.

        Raises:
            MigrationFailed: it cannot be brought there; it stays as it is.
        """
        agent = release.agents_of(last.tenant).get(last.agent)
        if agent is None or (last.revision == agent.revision and not last.moved_to):
            return
        if passage := await self.prepare(last, release):
            await write(passage, agent)

    async def prepare(self, last: RunRecord, release: Release) -> Passage | None:
        """Migrate the thread's state in memory; None when there is nothing to migrate.

        Raises:
            AgentNotFound: the release has no such agent.
            MigrationFailed: see `bring_over`.
        """
        agent, thread = release.agent(last.agent, tenant=last.tenant), checkpoint_thread(last.tenant, last.thread_id)
        stands = await standing(agent, thread)
        if stands is None or stands.revision == agent.revision:
            return None

        saved_by = stands.release or last.release

        async def source() -> Agent | None:
            return await self._agent(saved_by, last)

        try:
            waits_in = [renamed(node, await self.steps(last, agent)) for node in last.paused_at]
            steps = await self._way(stands.revision, saved_by, last, agent)
            return await prepare(thread, source=source, target=agent, steps=steps, waits_in=waits_in)
        except NoWay as error:
            raise MigrationFailed(
                self._scrub(
                    f"The state of thread {last.thread_id!r} cannot be brought to release {release.id}: {error}."
                ),
                hint=f"Mend the migration and deploy again. The thread is as it was: `toolcrib threads move "
                f"{last.thread_id} --to {stands.release or release_id(last.release)} --yes` lets it go on there.",
            ) from error

    async def _way(self, revision: str, release: str, last: RunRecord, agent: Agent) -> Steps:
        """From a revision to an agent's; the release that saved it is asked for the way back, where one is needed."""
        former = None
        if revision and revision not in {one.revision for one in agent.migrations}:
            former = await self._agent(release, last)
        return way(revision, agent.migrations, former.migrations if former else ())

    async def _agent(self, release: str, last: RunRecord) -> Agent | None:
        """The thread's agent in a stored release; None when it cannot be had."""
        try:
            return (await self._find(release)).agent(last.agent, tenant=last.tenant)
        except (ReleaseNotFound, DeploymentRejected, AgentNotFound):
            return None

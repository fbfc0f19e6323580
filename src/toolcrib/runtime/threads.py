"""`CribThreads`: the threads of an open project, listed and moved from one release to another."""

from collections.abc import Sequence

from toolcrib.core.ports import ReleaseStore
from toolcrib.core.stores.ledger import RunLedger, RunRecord, ThreadFilter
from toolcrib.runs.service import RunService
from toolcrib.runs.threads import ThreadMove


class CribThreads:
    """What `Crib.threads` leads to."""

    def __init__(self, *, store: ReleaseStore, ledger: RunLedger, runs: RunService) -> None:
        self._store = store
        self._ledger = ledger
        self._runs = runs

    async def list(
        self,
        *,
        thread_id: str = "",
        tenant: str | None = None,
        agent: str = "",
        release: str = "",
        status: str = "",
        limit: int = 100,
    ) -> Sequence[RunRecord]:
        """The last run of each thread, the newest first.

        Args:
            thread_id, agent: only these.
            tenant: None for all, empty for threads without one.
            release: id of the release they go on with.
            status: of the last run: `success`, `error`, `interrupted` (waits for a human), `running`, `cancelled`,
                `drained` or `suspended` (was stopped and can go on).
            limit: so many at most.

        Raises:
            ReleaseNotFound: there is no such release.
        """
        digest = await self._digest(release)
        wanted = ThreadFilter(thread_id=thread_id, tenant=tenant, agent=agent, release=digest, status=status)
        return await self._ledger.threads(wanted, limit)

    async def move(
        self,
        to: str,
        *,
        thread_id: str = "",
        tenant: str | None = None,
        agent: str = "",
        release: str = "",
        status: str = "",
        dry_run: bool = True,
    ) -> Sequence[ThreadMove]:
        """Let threads go on with another release from their next turn on, also those that wait for a human.

        A thread that waits in a node which the other release lacks stays where it is, and is told of with its problem.

        Args:
            to: id of the release they are to go on with.
            thread_id, tenant, agent, release, status: which threads; see `list`.
            dry_run: only say what would become of them.

        Raises:
            ReleaseNotFound: there is no such release.
        """
        digest = await self._digest(release)
        wanted = ThreadFilter(thread_id=thread_id, tenant=tenant, agent=agent, release=digest, status=status)
        return await self._runs.move_threads(wanted, await self._digest(to), dry_run=dry_run)

    async def migrate(
        self,
        to: str = "",
        *,
        thread_id: str = "",
        tenant: str | None = None,
        agent: str = "",
        release: str = "",
        status: str = "",
        dry_run: bool = True,
    ) -> Sequence[ThreadMove]:
        """Bring the saved state of threads to a release now, and let them go on with it; see `move`.

        Each thread is migrated in memory and tried there first, so `dry_run` tells which cannot be brought over, and
        why; these stay as they are.

        Args:
            to: id of the release; the one that serves when empty.
            thread_id, tenant, agent, release, status: which threads; see `list`.
            dry_run: only say what would become of them.

        Raises:
            ReleaseNotFound: there is no such release.
        """
        digest = await self._digest(release)
        wanted = ThreadFilter(thread_id=thread_id, tenant=tenant, agent=agent, release=digest, status=status)
        target = await self._digest(to) if to else (await self._store.channel()).digest
        return await self._runs.move_threads(wanted, target, dry_run=dry_run, migrate=True)

    async def _digest(self, release: str) -> str:
        return (await self._store.find(release)).manifest.digest if release else ""

"""Releases in memory: loaded from the store when they are needed, retired when nobody uses them."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from toolcrib.core.errors import Conflict, DeploymentRejected
from toolcrib.core.reasons import Reason
from toolcrib.core.releases import release_id
from toolcrib.deployment.assemble import build_release
from toolcrib.deployment.ports import DeployerPorts
from toolcrib.deployment.retire import retire
from toolcrib.deployment.room import no_room
from toolcrib.loader.bundle import Bundle, make_bundle
from toolcrib.loader.compiling import Compiled, compile_source, module_file
from toolcrib.loader.project import LoadPorts, load_project
from toolcrib.registry.release import Release

log = logging.getLogger(__name__)
LOOK_EVERY_S = 0.1
KEEP_IDLE = 2
"""So many releases that nobody uses stay in memory, so that a roll-back need not load anything."""


ID = "r-"
"""What a release's id begins with, and no digest does."""


class Residents:
    """The releases of one process.

    Attributes:
        lock: held from loading a release until it serves or is resident, and while one is retired: what is being loaded
            is not yet known to the registry and would be swept away.
    """

    def __init__(self, ports: DeployerPorts) -> None:
        self._ports = ports
        self.lock = asyncio.Lock()

    async def bring(self, digest: str) -> Release:
        """A stored release in memory, by digest or id, loaded from the store when it is not and there is room.

        Raises:
            ReleaseNotFound: the store has no such release.
            DeploymentRejected: it cannot be loaded in this environment.
            ReleaseInUse: there is no room, and none came while it waited.
        """
        if digest.startswith(ID):
            digest = (await self._ports.store.find(digest)).manifest.digest
        if resident := self._ports.registry.resident(digest):
            return resident
        async with self.with_room(digest):
            return await self.held_bring(digest)

    @asynccontextmanager
    async def with_room(self, digest: str) -> AsyncIterator[None]:
        """Hold the lock, with room for this release: at the limit those that nobody uses go first, then it waits.

        Raises:
            ReleaseInUse: there is no room, and none came while it waited.
        """
        ports, lack = self._ports, ""
        until = ports.clock.monotonic() + ports.room.wait_s
        while True:
            async with self.lock:
                former, lack = lack, await self._lack(digest)
                if not lack:
                    yield
                    return
            if ports.clock.monotonic() >= until:
                raise no_room(release_id(digest), lack, ports.registry)
            if not former:
                words = str(no_room(release_id(digest), lack, ports.registry))
                log.warning("release waits for room in memory", extra={"release": release_id(digest), "why": words})
            await ports.clock.sleep(LOOK_EVERY_S)

    async def _lack(self, digest: str) -> str:
        """Why there is no room for it, after those have gone that nobody uses, the oldest first."""
        ports = self._ports
        if ports.registry.resident(digest):
            return ""
        while (lack := ports.room.lacks(ports.registry)) and not ports.busy() and (idle := ports.registry.idle()):
            await self._retire(idle[0])
        return lack

    async def held_bring(self, digest: str) -> Release:
        """`bring`, for a caller who holds the lock, whatever the room: a roll-back waits for nobody."""
        if resident := self._ports.registry.resident(digest):
            return resident
        bundle = make_bundle(await self._ports.store.contents(digest))
        compiled = await asyncio.to_thread(_compile, bundle, str(self._ports.root))
        release, reasons = await self.load(bundle, compiled)
        if release is None:
            raise DeploymentRejected(
                f"Release {bundle.manifest.release} can no longer be loaded in this environment.", reasons=reasons
            )
        return self._ports.registry.admit(release)

    async def load(self, bundle: Bundle, compiled: Mapping[str, Compiled]) -> tuple[Release | None, tuple[Reason, ...]]:
        """In a worker thread: execute what is new, compile graphs; failed or cancelled, it leaves nothing behind."""
        unwanted = threading.Event()
        try:
            return await asyncio.to_thread(self._load_here, bundle, compiled, unwanted)
        except asyncio.CancelledError:
            unwanted.set()
            raise

    def _load_here(
        self, bundle: Bundle, compiled: Mapping[str, Compiled], unwanted: threading.Event
    ) -> tuple[Release | None, tuple[Reason, ...]]:
        """Under the pool's lock, so that nobody shares a module before its whole candidate has passed."""
        secrets = self._ports.secrets
        ports = LoadPorts(root=str(self._ports.root), pool=self._ports.pool, secrets=secrets)
        with ports.pool.lock:
            project, reasons = load_project(bundle, compiled, ports)
            if project is None:
                return None, tuple(reason.scrubbed(secrets.scrub) for reason in reasons)
            release, problems = build_release(
                project, bundle.manifest, compose=self._ports.compose, checkpointer=self._ports.checkpointer
            )
            if release is None or unwanted.is_set():
                project.space.discard()
            return release, tuple(reason.scrubbed(secrets.scrub) for reason in problems)

    async def sweep(self, *, keep: int = KEEP_IDLE) -> list[str]:
        """Retire the releases nobody uses, but for the `keep` newest of them if there is room; ids of those retired."""
        ports = self._ports
        retired: list[str] = []
        async with self.lock:
            while not ports.busy() and (idle := ports.registry.idle()):
                if len(idle) <= keep and not ports.room.exceeded(ports.registry):
                    break
                retired.append(idle[0].id)
                await self._retire(idle[0])
        return retired

    async def retire(self, release: Release) -> bool:
        """Retire this release, which has no lease; False: code of it may still run, and `sweep` takes it later.

        Raises:
            ReleaseInUse: it serves or has leases.
        """
        async with self.lock:
            if self._ports.busy():
                return False
            await self._retire(release)
        return True

    async def _retire(self, release: Release) -> None:
        ports = self._ports
        ports.registry.retire(release)
        live = ports.registry.residents()
        ports.events.emit(await retire(release, live, resources=ports.resources, pool=ports.pool))
        if ports.forget is not None:
            await ports.forget(_tools(release) - {digest for one in live for digest in _tools(one)})
        await self._mark_retired(release.digest)

    async def _mark_retired(self, digest: str) -> None:
        try:
            await self._ports.store.move(digest, "drained")
            await self._ports.store.move(digest, "retired")
        except Conflict:
            return  # it never served, or another process has let it serve again


def _tools(release: Release) -> set[str]:
    """Digests of its tools, under which their results are kept."""
    return {tool.spec.digest for tool in release.all_tools}


def _compile(bundle: Bundle, root: str) -> dict[str, Compiled]:
    """Compile a stored release here: it was verified when it came."""
    compiled: dict[str, Compiled] = {}
    for path, digest in bundle.manifest.files.items():
        if path.endswith(".py"):
            result = compile_source(bundle.contents[path], path=path, filename=module_file(root, path, digest))
            if isinstance(result, Reason):
                raise DeploymentRejected(f"{path} can no longer be compiled.", reasons=[result])
            compiled[path] = result
    return compiled

"""`Deployer`: takes a tree through the gate and lets it serve, or leaves everything as it was."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from toolcrib.core.errors import Conflict, DeploymentRejected, ReleaseNotFound, ToolcribError
from toolcrib.core.events import Deployed
from toolcrib.core.ports import Channel, Clock, EventSink, ReleaseStore, Resources
from toolcrib.core.reasons import Reason
from toolcrib.core.releases import Change, Deployment, DeploymentState, Manifest, release_id
from toolcrib.deployment.assemble import Compose, build_release
from toolcrib.deployment.retire import retire
from toolcrib.loader.bundle import Bundle, make_bundle, read_bundle
from toolcrib.loader.compat import diff_agents, diff_files, diff_prompts, diff_tools
from toolcrib.loader.compiling import Compiled, compile_source, module_file
from toolcrib.loader.modules import ModulePool
from toolcrib.loader.project import LoadPorts, load_project
from toolcrib.loader.verifier.client import Verifier
from toolcrib.registry.registry import Registry
from toolcrib.registry.release import Release

KEEP_IDLE = 2
"""So many releases that nobody uses stay in memory, so that a roll-back need not load anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployerPorts:
    """What the deployer needs.

    Attributes:
        root: the project's directory; modules of all releases find their data there.
        compose: (tool, release id) -> chain.
        checkpointer: where threads live.
        busy: whether code of a release without leases may still run (abandoned threads).
        resources: what the releases' tools have open.
    """

    root: Path
    store: ReleaseStore
    registry: Registry
    verifier: Verifier
    pool: ModulePool
    clock: Clock
    events: EventSink
    env: Mapping[str, str]
    compose: Compose
    checkpointer: Any
    busy: Callable[[], bool]
    resources: Resources


class Deployer:
    """Deployments of one project, one at a time.

    Two locks, taken in this order: `_lock` for a whole deployment, `_memory` from loading a release until it serves or
    is resident, and for retiring one: what is being loaded is not yet known to the registry and would be swept away.
    """

    def __init__(self, ports: DeployerPorts) -> None:
        self._ports = ports
        self._lock = asyncio.Lock()
        self._memory = asyncio.Lock()
        self._rejected: dict[str, Deployment] = {}
        self._problem: DeploymentRejected | None = None

    @property
    def problem(self) -> ToolcribError | None:
        """Why the newest tree does not serve; None when it does."""
        return self._problem

    async def verify(self, directory: Path) -> tuple[Reason, ...]:
        """Every reason why the directory would be rejected."""
        bundle = await asyncio.to_thread(read_bundle, directory)
        return (await self._ports.verifier.verify(bundle, root=str(self._ports.root))).reasons

    async def deploy(self, directory: Path, *, actor: str) -> Deployment:
        """Scan, verify, load, activate.

        Raises:
            ProjectInvalid: the directory cannot be read.
        """
        watch = _Stopwatch(self._ports.clock)
        bundle = await asyncio.to_thread(read_bundle, directory)
        watch.lap("scan")
        return await self.deploy_bundle(bundle, actor=actor, watch=watch)

    async def deploy_bundle(self, bundle: Bundle, *, actor: str, watch: "_Stopwatch | None" = None) -> Deployment:
        """Deploy a tree that was read already; `watch` holds the time spent so far."""
        watch = watch or _Stopwatch(self._ports.clock)
        async with self._lock:
            deployment = await self._candidate(bundle, actor, watch)
            if deployment.state == "rejected":
                self._problem = DeploymentRejected(
                    f"The candidate {deployment.release} was rejected.", reasons=deployment.reasons
                )
                self._rejected[bundle.manifest.digest] = deployment
            else:
                self._problem = None
                self._rejected.clear()
        await self.sweep()
        return deployment

    async def rollback(self, release: str | None, *, actor: str) -> Deployment:
        """Serve a stored release again; without a name the one that served before.

        Raises:
            ReleaseNotFound: there is no such release, or none before.
        """
        watch = _Stopwatch(self._ports.clock)
        async with self._lock:
            current = self._ports.registry.current.release
            stored = await self._ports.store.find(release or await self._former(current.id))
            if stored.manifest.digest == current.digest:
                return self._outcome("unchanged", current.manifest, watch, actor=actor)
            async with self._memory:
                target = await self._bring(stored.manifest.digest)
                watch.lap("load")
                channel = await self._ports.store.channel()
                deployment = await self._activate(target, "rolled_back", watch, actor=actor, channel=channel)
            self._problem = None
        await self.sweep()
        return deployment

    async def restore(self) -> bool:
        """Serve what the store says serves, without asking the verifier again; False when it names nothing.

        Raises:
            DeploymentRejected: it can no longer be loaded, e.g. because a package is gone.
        """
        registry = self._ports.registry
        async with self._memory:
            channel = await self._ports.store.channel()
            if not channel.digest:
                return False
            target = await self._bring(channel.digest)
            registry.publish(target, expected=registry.generation, generation=channel.generation)
        return True

    async def is_settled(self, tree: Manifest) -> bool:
        """Whether this tree was seen and decided on before: it serves, or an operator rolled back from it."""
        channel = await self._ports.store.channel()
        if channel.digest == tree.digest:
            return True
        if channel.seen_tree != tree.digest:
            return False
        newest = next((d for d in await self._ports.store.history() if d.release == tree.release), None)
        return newest is not None and newest.state != "rejected"

    def warm_up(self) -> None:
        """Start the verifier in the background."""
        self._ports.verifier.warm_up()

    async def follow(self) -> bool:
        """Catch up with another process that activated a release in the same store; whether there was any."""
        channel = await self._ports.store.channel()
        if channel.generation <= self._ports.registry.generation:
            return False
        async with self._lock:
            return await self.restore()

    async def bring(self, digest: str) -> Release:
        """A stored release in memory, loaded from the store when it is not.

        Raises:
            ReleaseNotFound: the store has no such release.
            DeploymentRejected: it cannot be loaded in this environment.
        """
        if resident := self._ports.registry.resident(digest):
            return resident
        async with self._memory:
            return await self._bring(digest)

    async def _bring(self, digest: str) -> Release:
        if resident := self._ports.registry.resident(digest):
            return resident
        bundle = make_bundle(await self._ports.store.contents(digest))
        compiled = await asyncio.to_thread(_compile, bundle, str(self._ports.root))
        release, reasons = await self._load(bundle, compiled)
        if release is None:
            raise DeploymentRejected(
                f"Release {bundle.manifest.release} can no longer be loaded in this environment.", reasons=reasons
            )
        return self._ports.registry.admit(release)

    async def diff(self, older: str | None, newer: str | None) -> tuple[Change, ...]:
        """What differs between two releases; by default between the former one and the one that serves.

        Raises:
            ReleaseNotFound: one of them is not in the store.
        """
        store, current = self._ports.store, self._ports.registry.current.release
        second = (await store.find(newer)).manifest.digest if newer else current.digest
        first = (await store.find(older or await self._former(current.id))).manifest.digest
        if resident := self._ports.registry.resident(second):
            return await self._difference(first, resident)
        return tuple(diff_files(await store.contents(first), await store.contents(second)))

    async def _difference(self, older: str, newer: Release) -> tuple[Change, ...]:
        if resident := self._ports.registry.resident(older):
            return _diff(resident, newer)
        store = self._ports.store
        return tuple(diff_files(await store.contents(older), await store.contents(newer.digest)))

    async def sweep(self, *, keep: int = KEEP_IDLE) -> list[str]:
        """Retire the releases nobody uses, but for the `keep` newest of them; ids of those retired."""
        ports = self._ports
        retired: list[str] = []
        async with self._memory:
            while not ports.busy() and len(idle := ports.registry.idle()) > keep:
                release = idle[0]
                ports.registry.retire(release)
                live = ports.registry.residents()
                ports.events.emit(await retire(release, live, resources=ports.resources, pool=ports.pool))
                retired.append(release.id)
                await self._mark_retired(release.digest)
        return retired

    async def _mark_retired(self, digest: str) -> None:
        try:
            await self._ports.store.move(digest, "drained")
            await self._ports.store.move(digest, "retired")
        except Conflict:
            return  # it never served, or another process has let it serve again

    async def _candidate(self, bundle: Bundle, actor: str, watch: "_Stopwatch") -> Deployment:
        manifest, ports = bundle.manifest, self._ports
        if ports.registry.generation and manifest.digest == ports.registry.current.release.digest:
            await ports.store.saw_tree(manifest.digest)
            return self._outcome("unchanged", manifest, watch, actor=actor)
        if known := self._rejected.get(manifest.digest):
            return replace(known, actor=actor, at=ports.clock.now())
        verdict = await ports.verifier.verify(bundle, root=str(ports.root))
        watch.lap("verify")
        if verdict.reasons:
            return await self._reject(manifest, verdict.reasons, watch, actor)
        async with self._memory:
            release: Release | None = ports.registry.resident(manifest.digest)
            if release is None:
                release, reasons = await self._load(bundle, verdict.compiled)
                watch.lap("load")
                if release is None:
                    return await self._reject(manifest, tuple(reasons), watch, actor)
            try:
                at = ports.clock.now()
                await ports.store.put(manifest, bundle.contents, at=at, state="verified")
                channel = replace(await ports.store.channel(), seen_tree=manifest.digest)
                return await self._activate(release, "active", watch, actor=actor, channel=channel)
            finally:
                if ports.registry.resident(manifest.digest) is not release:
                    await asyncio.to_thread(release.modules.discard)

    async def _activate(
        self, release: Release, state: DeploymentState, watch: "_Stopwatch", *, actor: str, channel: Channel
    ) -> Deployment:
        """Store first, then publish: a crash between the two restarts on what the store says.

        `channel` is what the store said when this was decided, with the tree that has been seen.
        """
        ports = self._ports
        former = channel.digest if channel.digest != release.digest else ""
        diff = await self._difference(former, release) if former else ()
        seen = channel.seen_tree
        channel = await ports.store.activate(release.digest, expected=channel.generation, seen_tree=seen)
        ports.registry.publish(release, expected=ports.registry.generation, generation=channel.generation)
        watch.lap("activate")
        deployment = self._outcome(state, release.manifest, watch, actor=actor, diff=diff, former=former)
        ports.events.emit(Deployed(deployment=deployment))
        await ports.store.record(deployment)
        return deployment

    async def _reject(
        self, manifest: Manifest, reasons: tuple[Reason, ...], watch: "_Stopwatch", actor: str
    ) -> Deployment:
        deployment = self._outcome("rejected", manifest, watch, actor=actor, reasons=reasons)
        await self._ports.store.saw_tree(manifest.digest)
        self._ports.events.emit(Deployed(deployment=deployment))
        await self._ports.store.record(deployment)
        return deployment

    async def _load(
        self, bundle: Bundle, compiled: Mapping[str, Compiled]
    ) -> tuple[Release | None, tuple[Reason, ...]]:
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
        ports = LoadPorts(root=str(self._ports.root), pool=self._ports.pool, env=self._ports.env)
        with ports.pool.lock:
            project, reasons = load_project(bundle, compiled, ports)
            if project is None:
                return None, reasons
            release, problems = build_release(
                project, bundle.manifest, compose=self._ports.compose, checkpointer=self._ports.checkpointer
            )
            if release is None or unwanted.is_set():
                project.space.discard()
            return release, tuple(problems)

    async def _former(self, current: str) -> str:
        """Id of the release that served before `current`.

        Raises:
            ReleaseNotFound: none did.
        """
        for deployment in await self._ports.store.history():
            if deployment.state in ("active", "rolled_back") and deployment.release == current and deployment.previous:
                return deployment.previous
        raise ReleaseNotFound(f"No release served before {current}.", hint="`toolcrib releases` lists what there is.")

    def _outcome(
        self,
        state: DeploymentState,
        manifest: Manifest,
        watch: "_Stopwatch",
        *,
        actor: str,
        reasons: tuple[Reason, ...] = (),
        diff: tuple[Change, ...] = (),
        former: str = "",
    ) -> Deployment:
        registry = self._ports.registry
        serving = registry.current.release.id if registry.generation else ""
        return Deployment(
            state=state,
            release=manifest.release,
            previous=serving if state in ("rejected", "unchanged") else former and release_id(former),
            generation=registry.generation,
            reasons=reasons,
            diff=diff,
            timings_s=watch.laps(),
            actor=actor,
            at=self._ports.clock.now(),
        )


class _Stopwatch:
    """Seconds by phase."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = self._last = clock.monotonic()
        self._laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        """Everything since the last lap was spent on `name`."""
        now = self._clock.monotonic()
        self._laps[name] = now - self._last
        self._last = now

    def laps(self) -> dict[str, float]:
        """All phases and their total."""
        return {**self._laps, "total": self._clock.monotonic() - self._began}


def _diff(older: Release, newer: Release) -> tuple[Change, ...]:
    tools = diff_tools({n: t.spec for n, t in older.tools.items()}, {n: t.spec for n, t in newer.tools.items()})
    return (*tools, *diff_agents(older.agents, newer.agents), *diff_prompts(older.prompts, newer.prompts))


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

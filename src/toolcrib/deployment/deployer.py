"""`Deployer`: takes a tree through the gate and lets it serve, or leaves everything as it was."""

import asyncio
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from toolcrib.core.errors import (
    Conflict,
    GenerationConflict,
    NotFound,
    ProjectInvalid,
    ReleaseInUse,
    ReleaseNotFound,
    ToolcribError,
)
from toolcrib.core.events import Deployed
from toolcrib.core.reasons import Reason
from toolcrib.core.releases import (
    Acceptable,
    Canary,
    Change,
    Channel,
    Deployment,
    DeploymentState,
    Manifest,
    ReleaseState,
    Revision,
    Verification,
)
from toolcrib.core.stores.ledger import RunRecord
from toolcrib.deployment.channels import Channels
from toolcrib.deployment.gate.gate import Decision, is_lasting
from toolcrib.deployment.gate.judge import Judge
from toolcrib.deployment.history import LET_SERVE, LONG, newest, one_back, rejection, standing
from toolcrib.deployment.ports import Basis, DeployerPorts, Plan
from toolcrib.deployment.records import Work
from toolcrib.deployment.residents import KEEP_IDLE, Residents
from toolcrib.loader.bundle import Bundle, read_bundle
from toolcrib.loader.verifier.client import Verdict
from toolcrib.registry.release import Release


class Deployer:
    """Deployments of one project, one at a time.

    Two locks, taken in this order: the one here for a whole deployment, and that of `Residents`.

    Attributes:
        unreadable: why the directory cannot be read at present; set by whoever tried.
    """

    def __init__(self, ports: DeployerPorts) -> None:
        self._ports = ports
        self._lock = asyncio.Lock()
        self._residents = Residents(ports)
        self._judge = Judge(ports, bring=self._residents.held_bring)
        self._channels = Channels(ports, self._residents, self._judge)
        self._rejected: dict[str, Deployment] = {}
        self._problem: ToolcribError | None = None
        self.unreadable: ProjectInvalid | None = None

    @property
    def problem(self) -> ToolcribError | None:
        """Why the newest tree does not serve; None when it does."""
        return self.unreadable or self._problem

    async def verify(self, directory: Path, *, accept: Iterable[Acceptable] = ()) -> Verification:
        """Everything the gate has to say of the directory, beside what serves now; all examples are tried."""
        bundle = await asyncio.to_thread(read_bundle, directory)
        verdict = await self._ports.verifier.verify(bundle, root=str(self._ports.root), compare=True)
        async with self._residents.lock:
            return await self._judge.verify(bundle, verdict, accept=accept)

    async def deploy(self, directory: Path, *, actor: str, who: str = "", plan: Plan | None = None) -> Deployment:
        """Scan, verify, load, and let it serve as planned.

        Raises:
            ProjectInvalid: the directory cannot be read.
        """
        plan = plan or Plan()
        work = await self._work(actor, plan.why, who=who)
        bundle = await asyncio.to_thread(read_bundle, directory)
        work.directory = directory
        if not await asyncio.to_thread(os.path.samefile, directory, self._ports.root):
            work.seen_tree = await self._own_tree()
        work.watch.lap("scan")
        return await self.deploy_bundle(bundle, actor=actor, plan=plan, work=work)

    async def upload(
        self, bundle: Bundle, *, actor: str, who: str = "", git: Revision | None = None, plan: Plan | None = None
    ) -> Deployment:
        """Deploy a tree that was sent; it serves until the project's directory changes or something else is deployed.

        Args:
            bundle: the tree.
            actor, who: see `Deployment`.
            git: what the sender says that git says of it.
            plan: how it comes to serve.
        """
        plan = plan or Plan()
        work = await self._work(actor, plan.why, who=who)
        work.git, work.seen_tree = git, await self._own_tree()
        work.watch.lap("scan")
        return await self.deploy_bundle(bundle, actor=actor, plan=plan, work=work)

    async def deploy_bundle(
        self, bundle: Bundle, *, actor: str, plan: Plan | None = None, work: Work | None = None
    ) -> Deployment:
        """Deploy a tree that was read already: the project's own, unless `work` says where it came from."""
        plan = plan or Plan()
        if work is None:
            work = await self._work(actor, plan.why)
            work.directory = self._ports.root
        async with self._lock:
            deployment = await self._candidate(bundle, plan, work)
            if deployment.state == "rejected":
                if work.seen_tree is None:  # what came from elsewhere says nothing of the project's own directory
                    self._problem = rejection(deployment)
                if is_lasting(deployment):
                    self._rejected[bundle.manifest.digest] = deployment
            else:
                self._problem = await self._standing()
                self._rejected.clear()
        await self.sweep()
        return deployment

    async def rollback(self, release: str | None, *, actor: str, who: str = "", why: str = "") -> Deployment:
        """Serve a stored release again. Without a name: end the canary, or go one further back each time.

        Raises:
            ReleaseNotFound: there is no such release, or none before.
        """
        work = await self._work(actor, why, who=who)
        async with self._lock:
            channel, current = await self._ports.store.channel(), self._ports.registry.current.release
            async with self._residents.lock:
                if channel.canary and release is None:
                    deployment = await self._channels.end_canary(channel, work)
                else:
                    stored = await self._ports.store.find(release or await self._one_back(current.id))
                    if stored.manifest.digest == current.digest and not channel.canary:
                        return work.outcome("unchanged", current.manifest, self._ports.registry)
                    target = await self._residents.held_bring(stored.manifest.digest)
                    work.watch.lap("load")
                    deployment = await self._channels.activate(channel, target, work, state="rolled_back")
            self._problem = await self._standing()
        await self.sweep()
        return deployment

    async def promote(self, *, actor: str, who: str = "", why: str = "", basis: Basis | None = None) -> Deployment:
        """Let the canary serve all.

        Raises:
            NotFound: there is none.
            GenerationConflict: what serves has changed since `basis`.
        """
        work = await self._work(actor, why, basis, who=who)
        async with self._lock, self._residents.lock:
            channel, canary = await self._canary(basis)
            release = await self._residents.held_bring(canary.digest)
            return await self._channels.activate(channel, release, work, state="promoted")

    async def adjust(self, plan: Plan, *, actor: str, who: str = "", basis: Basis | None = None) -> Deployment:
        """Change the part that the canary serves, and how it is judged; errors as of `promote`."""
        work = await self._work(actor, plan.why, basis, who=who)
        async with self._lock, self._residents.lock:
            channel, canary = await self._canary(basis)
            release = await self._residents.held_bring(canary.digest)
            return await self._channels.start_canary(channel, release, plan, work)

    async def withdraw(self, *, actor: str, who: str = "", why: str = "", basis: Basis | None = None) -> Deployment:
        """End the canary: the stable release serves all again, the canary's runs end on it; errors as of `promote`.

        It does not wait for a deployment under way, whose verification may take long: who comes second decides anew.
        """
        work = await self._work(actor, why, basis, who=who)
        async with self._residents.lock:
            channel, _ = await self._canary(basis)
            deployment = await self._channels.end_canary(channel, work)
        await self.sweep()
        return deployment

    async def hold(self, tenant: str, release: str | None, *, actor: str, who: str = "", why: str = "") -> Deployment:
        """Let one tenant see a stored release whatever else serves; without a release, let go of the tenant.

        Raises:
            ReleaseNotFound: there is no such release.
            DeploymentRejected: it can no longer be loaded.
        """
        work = await self._work(actor, why, who=who)
        async with self._lock, self._residents.lock:
            channel, target = await self._ports.store.channel(), None
            if release is not None:
                stored = await self._ports.store.find(release)
                target = await self._residents.held_bring(stored.manifest.digest)
                work.watch.lap("load")
            return await self._channels.hold(channel, tenant, target, work)

    async def restore(self) -> bool:
        """Serve what the store says serves, without asking the verifier again; False when it names nothing.

        Raises:
            DeploymentRejected: it can no longer be loaded, e.g. because a package is gone.
        """
        async with self._residents.lock:
            serves = await self._channels.restore()
        if serves:
            self._problem = await self._standing()
        return serves

    async def _standing(self) -> ToolcribError | None:
        store = self._ports.store
        return standing(await store.history(), await store.channel())

    async def is_settled(self, tree: Manifest) -> bool:
        """Whether this tree was seen and decided on before: it serves, or an operator let something else serve."""
        channel = await self._ports.store.channel()
        if channel.digest == tree.digest or (channel.canary and channel.canary.digest == tree.digest):
            return True
        if channel.seen_tree != tree.digest:
            return False
        last = newest(await self._ports.store.history(), tree.release)
        return last is None or last.state != "rejected"

    def warm_up(self) -> None:
        """Start the verifier in the background."""
        self._ports.verifier.warm_up()

    async def follow(self) -> bool:
        """Catch up with another process that changed what serves in the same store; whether there was any."""
        channel = await self._ports.store.channel()
        if channel.generation <= self._ports.registry.generation:
            return False
        async with self._lock:
            return await self.restore()

    async def bring(self, digest: str) -> Release:
        """A stored release in memory; see `Residents.bring`."""
        return await self._residents.bring(digest)

    async def diff(self, older: str | None, newer: str | None) -> tuple[Change, ...]:
        """What differs between two releases; by default between the former one and the one that serves.

        Raises:
            ReleaseNotFound: one of them is not in the store.
        """
        store, current = self._ports.store, self._ports.registry.current.release
        second = (await store.find(newer)).manifest.digest if newer else current.digest
        first = (await store.find(older or await self._former(current.id))).manifest.digest
        async with self._residents.lock:
            return await self._judge.difference(first, second)

    async def is_safe(self, last: RunRecord, newer: Release) -> bool:
        """Whether nothing in the newer release can harm the thread whose last run this is."""
        return await self._judge.is_safe(last, newer)

    async def sweep(self, *, keep: int = KEEP_IDLE) -> list[str]:
        """Retire what nobody uses; see `Residents.sweep`."""
        return await self._residents.sweep(keep=keep)

    async def retire(self, release: Release) -> bool:
        """Retire one release; see `Residents.retire`."""
        return await self._residents.retire(release)

    async def collect(self, digest: str) -> int | None:
        """Remove the files of a release from the store; bytes that were freed, None when it is needed after all."""
        async with self._lock, self._residents.lock:
            if self._ports.registry.resident(digest):
                return None
            try:
                return await self._ports.store.collect(digest)
            except Conflict:
                return None  # another process lets it serve

    async def _work(self, actor: str, why: str, basis: Basis | None = None, *, who: str = "") -> Work:
        """A deployment that begins, with what needs a restart as it does."""
        ports, cold = self._ports, await self._ports.look_at_boundary()
        return Work(actor=actor, who=who or ports.who, clock=ports.clock, why=why, basis=basis, restart_needed=cold)

    async def _own_tree(self) -> str:
        """Digest of the project's directory as it is; the one seen last, where it cannot be read."""
        try:
            return (await asyncio.to_thread(read_bundle, self._ports.root)).manifest.digest
        except ProjectInvalid:
            return (await self._ports.store.channel()).seen_tree

    async def _canary(self, basis: Basis | None) -> tuple[Channel, Canary]:
        channel = await self._ports.store.channel()
        if basis is not None and channel.generation != basis.generation:
            raise GenerationConflict(
                f"The channel's generation is no longer {basis.generation}.",
                hint="Another deployment came first: look at it, then decide.",
            )
        if channel.canary is None:
            raise NotFound("There is no canary.", hint="`toolcrib deploy --canary 10` begins one.")
        return channel, channel.canary

    async def _candidate(self, bundle: Bundle, plan: Plan, work: Work) -> Deployment:
        manifest, ports = bundle.manifest, self._ports
        if self._serves_already(manifest, plan):
            await ports.store.saw_tree(work.tree(manifest))
            return work.outcome("unchanged", manifest, ports.registry)
        if known := self._rejected.get(manifest.digest):
            told = replace(known, actor=work.actor, who=work.who, git=work.git)
            return replace(told, at=ports.clock.now(), restart_needed=work.restart_needed)
        verifying = ports.verifier.verify(bundle, root=str(ports.root), passed=self._judge.passed())
        verdict, _ = await asyncio.gather(verifying, work.ask_git(manifest))
        work.watch.lap("verify")
        if verdict.reasons:
            return await self._reject(manifest, Decision(reasons=verdict.reasons), work)
        try:
            async with self._residents.with_room(manifest.digest):
                return await self._admit(bundle, verdict, plan, work)
        except ReleaseInUse as error:
            reason = Reason(code="no_room", message=error.message, hint=error.hint)
            return await self._reject(manifest, Decision(reasons=(reason,)), work)

    async def _admit(self, bundle: Bundle, verdict: Verdict, plan: Plan, work: Work) -> Deployment:
        """Load what was verified, decide, and let it serve; the caller holds the lock of the residents."""
        manifest, ports = bundle.manifest, self._ports
        release: Release | None = ports.registry.resident(manifest.digest)
        if release is None:
            release, reasons = await self._residents.load(bundle, verdict.compiled)
            work.watch.lap("load")
            if release is None:
                return await self._reject(manifest, Decision(reasons=reasons), work)
        try:
            channel = await ports.store.channel()
            decision = await self._judge.admit(release, channel, accept=plan.accept)
            if decision.reasons:
                return await self._reject(manifest, decision, work)
            work.decision, now = decision, ports.clock.now()
            await ports.store.put(manifest, bundle.contents, at=now, state="verified", shape=release.shape)
            deployment = await self._let_serve(channel, release, plan, work)
            for run in decision.held:
                await ports.ledger.move(run.run_id, run.goes_on_with)
            return deployment
        finally:
            if ports.registry.resident(manifest.digest) is not release:
                await asyncio.to_thread(release.modules.discard)

    def _serves_already(self, manifest: Manifest, plan: Plan) -> bool:
        """Whether it is what serves all, so that the plan asks for nothing that is not so already."""
        registry = self._ports.registry
        if not registry.generation or manifest.digest != registry.current.release.digest:
            return False
        split = registry.current.split
        return plan.to != "all" or split is None or split.canary is None

    async def _let_serve(self, seen: Channel, release: Release, plan: Plan, work: Work) -> Deployment:
        channel = replace(seen, seen_tree=work.tree(release.manifest))
        match plan.to:
            case "canary" if channel.digest:
                return await self._channels.start_canary(channel, release, plan, work)
            case "nobody" if channel.digest:
                return await self._keep(release, work)
            case _:  # the first release serves all, for there is no other
                was_canary = channel.canary is not None and channel.canary.digest == release.digest
                state: DeploymentState = "promoted" if was_canary else "active"
                return await self._channels.activate(channel, release, work, state=state)

    async def _keep(self, release: Release, work: Work) -> Deployment:
        """Keep a release that serves nobody."""
        store, registry = self._ports.store, self._ports.registry
        fresh = (await store.find(release.digest)).state == "verified"
        moves: dict[str, ReleaseState] = {release.digest: "inactive"} if fresh else {}
        deployment = work.outcome("inactive", release.manifest, registry)
        await store.record(deployment, seen_tree=work.tree(release.manifest), moves=moves)
        self._ports.events.emit(Deployed(deployment=deployment))
        return deployment

    async def _reject(self, manifest: Manifest, decision: Decision, work: Work) -> Deployment:
        work.decision = decision
        deployment = work.outcome("rejected", manifest, self._ports.registry)
        await self._ports.store.record(deployment, seen_tree=work.tree(manifest))
        self._ports.events.emit(Deployed(deployment=deployment))
        return deployment

    async def _one_back(self, current: str) -> str:
        if before := one_back(await self._ports.store.history(LONG), current):
            return before
        raise ReleaseNotFound(f"No release served before {current}.", hint="`toolcrib releases` lists what there is.")

    async def _former(self, current: str) -> str:
        """Id of the release that served all until `current` did.

        Raises:
            ReleaseNotFound: none did.
        """
        for deployment in await self._ports.store.history():
            if deployment.state in LET_SERVE and deployment.release == current and deployment.previous:
                return deployment.previous
        raise ReleaseNotFound(f"No release served before {current}.", hint="`toolcrib releases` lists what there is.")

"""The census: who uses which release, in memory and by parked threads."""

from collections import Counter
from collections.abc import Sequence

from toolcrib.core.ports import ReleaseStore
from toolcrib.core.stores.ledger import RunLedger
from toolcrib.core.stores.pins import STOPPED
from toolcrib.deployment.draining.ports import ReleaseUse
from toolcrib.registry.registry import Registry


async def take_census(registry: Registry, store: ReleaseStore, ledger: RunLedger) -> Sequence[ReleaseUse]:
    """Each release that is in memory, serves, or has threads that are under way or wait; the newest first."""
    threads: Counter[tuple[str, str]] = Counter()
    for pin in await ledger.pins():
        threads[pin.release, "stopped" if pin.status in STOPPED else pin.status] += pin.threads
    serving, told = (await store.channel()).serving, []
    for stored in await store.releases():
        digest = stored.manifest.digest
        resident = registry.resident(digest)
        running, parked, stopped = (threads[digest, status] for status in ("running", "interrupted", "stopped"))
        if resident is None and digest not in serving and not (running or parked or stopped):
            continue
        use = ReleaseUse(
            release=stored.manifest.release,
            digest=digest,
            state=stored.state,
            serves=digest in serving,
            in_memory=resident is not None,
            leases={} if resident is None else dict(registry.holders(resident)),
            oldest_s=None if resident is None else registry.oldest_s(resident),
            running=running,
            parked=parked,
            stopped=stopped,
        )
        told.append(use)
    return told

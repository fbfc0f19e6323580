"""What tests of several rooms build from: chains and releases without a project."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from itertools import count

from toolcrib.agents.state.graph_values import GraphValueTexts
from toolcrib.core.chain import CallNext
from toolcrib.core.ports import CallJournal, Locks, Runner, WorkerRunner
from toolcrib.core.redaction import Secrets
from toolcrib.core.releases import Manifest
from toolcrib.core.stores.artifacts import ArtifactStore
from toolcrib.core.stores.results import ResultCache
from toolcrib.core.tools import Tool
from toolcrib.execution.chain import build_chain
from toolcrib.execution.executor import Executor
from toolcrib.execution.ports import ChainPorts
from toolcrib.execution.state.admission import Admission
from toolcrib.execution.state.breaker import Circuits
from toolcrib.execution.state.escalation import Escalations
from toolcrib.execution.state.gates import Gates
from toolcrib.registry.release import Release
from toolcrib.runners.inline import InlineRunner
from toolcrib.stores.artifact_texts import Bounds
from toolcrib.stores.memory.artifacts import MemoryArtifactStore
from toolcrib.stores.memory.journal import MemoryJournal
from toolcrib.stores.memory.locks import MemoryLocks
from toolcrib.stores.memory.rate_limits import MemoryRateLimiter
from toolcrib.stores.memory.result_cache import MemoryResultCache
from toolcrib.testing import CountingIds, FakeClock, FakeRandom, RecordingEvents
from toolcrib.tools.resources.pool import ResourcePool


class InlineWorkers(InlineRunner):
    """Worker processes that are none: their tools run on the event loop."""

    async def ready(self, release: str) -> None:
        """Always."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Everything a call needs, faked; sync tools run inline unless a test brings a thread runner."""

    clock: FakeClock = field(default_factory=FakeClock)
    random: FakeRandom = field(default_factory=FakeRandom)
    events: RecordingEvents = field(default_factory=RecordingEvents)
    inline: Runner = field(default_factory=InlineRunner)
    threads: Runner = field(default_factory=InlineRunner)
    journal: CallJournal = field(default_factory=MemoryJournal)
    gates: Gates = field(default_factory=Gates)
    locks: Locks = field(default_factory=MemoryLocks)
    shelf: type[MemoryArtifactStore] = MemoryArtifactStore
    admission: Admission | None = None

    @cached_property
    def circuits(self) -> Circuits:
        return Circuits(events=self.events)

    @cached_property
    def escalations(self) -> Escalations:
        return Escalations(events=self.events)

    @cached_property
    def rates(self) -> MemoryRateLimiter:
        return MemoryRateLimiter(clock=self.clock)

    processes: WorkerRunner = field(default_factory=InlineWorkers)
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: Secrets = field(init=False)
    resources: ResourcePool = field(init=False)

    def __post_init__(self) -> None:
        ports = {"artifacts": self.artifacts}
        object.__setattr__(self, "secrets", Secrets(self.env))
        pool = ResourcePool(env=self.secrets, clock=self.clock, ports=ports, close_s=0.05)
        object.__setattr__(self, "resources", pool)

    @property
    def ports(self) -> ChainPorts:
        return ChainPorts(
            graph_values=GraphValueTexts(),
            clock=self.clock,
            random=self.random,
            events=self.events,
            inline=self.inline,
            threads=self.threads,
            cache=self.cache,
            circuits=self.circuits,
            escalations=self.escalations,
            rates=self.rates,
            journal=self.journal,
            gates=self.gates,
            locks=self.locks,
            processes=self.processes,
            resources=self.resources,
            artifacts=self.artifacts,
            secrets=self.secrets,
            admission=self.admission,
        )

    @cached_property
    def cache(self) -> ResultCache:
        """A cache of 1 MiB that lives by this bench's clock, on a machine with plenty of memory."""
        return MemoryResultCache(max_bytes=1 << 20, clock=self.clock, memory_used=lambda: 0.0)

    @cached_property
    def artifacts(self) -> ArtifactStore:
        """A store of 1 MiB that keeps everything for a minute of this bench's clock: `art_1`, `art_2`, ..."""
        return self.shelf(bounds=Bounds(max_bytes=1 << 20, ttl_s=60.0), clock=self.clock, new_handle=_handles())

    @property
    def executor(self) -> Executor:
        return Executor(ids=CountingIds(), clock=self.clock, events=self.events, circuits=self.circuits)

    def chain(self, tool: Tool) -> CallNext:
        release = Release(id="r-test", manifest=make_manifest(), tools={}, chains={})
        return build_chain(tool, release=release, ports=self.ports)

    def release(self, *tools: Tool, content: str = "") -> Release:
        """A release of these tools, its chains composed with this bench's ports."""
        return make_release(*tools, content=content, bench=self)


def _handles() -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"art_{next(numbers)}"


def make_manifest(content: str = "") -> Manifest:
    """A manifest of one file with this text."""
    blob = sha256(content.encode()).hexdigest()
    return Manifest(digest=sha256(f"manifest {blob}".encode()).hexdigest(), files={"tools/one.py": blob})


def make_release(*tools: Tool, content: str = "", bench: Bench | None = None) -> Release:
    """A release of these tools; another `content` gives it another id."""
    manifest = make_manifest(content)
    chains: dict[str, CallNext] = {}
    release = Release(id=manifest.release, manifest=manifest, tools={tool.name: tool for tool in tools}, chains=chains)
    if bench:
        chains.update((tool.name, build_chain(tool, release=release, ports=bench.ports)) for tool in tools)
    return release

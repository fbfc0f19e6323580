"""What tests of several rooms build from: chains and releases without a project."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from toolcrib.core.chain import CallNext
from toolcrib.core.ports import Runner
from toolcrib.core.releases import Manifest
from toolcrib.core.tools import Tool
from toolcrib.execution.chain import build_chain
from toolcrib.execution.executor import Executor
from toolcrib.execution.ports import ChainPorts
from toolcrib.registry.release import Release
from toolcrib.runners.inline import InlineRunner
from toolcrib.testing import CountingIds, FakeClock, FakeRandom, RecordingEvents
from toolcrib.tools.resources.pool import ResourcePool


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Everything a call needs, faked; sync tools run inline unless a test brings a thread runner."""

    clock: FakeClock = field(default_factory=FakeClock)
    random: FakeRandom = field(default_factory=FakeRandom)
    events: RecordingEvents = field(default_factory=RecordingEvents)
    inline: Runner = field(default_factory=InlineRunner)
    threads: Runner = field(default_factory=InlineRunner)
    env: Mapping[str, str] = field(default_factory=dict)
    resources: ResourcePool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "resources", ResourcePool(env=self.env, clock=self.clock, close_s=0.05))

    @property
    def ports(self) -> ChainPorts:
        return ChainPorts(
            clock=self.clock,
            random=self.random,
            events=self.events,
            inline=self.inline,
            threads=self.threads,
            resources=self.resources,
        )

    @property
    def executor(self) -> Executor:
        return Executor(ids=CountingIds(), clock=self.clock)

    def chain(self, tool: Tool) -> CallNext:
        return build_chain(tool, release="r-test", ports=self.ports)

    def release(self, *tools: Tool, content: str = "") -> Release:
        """A release of these tools, its chains composed with this bench's ports."""
        return make_release(*tools, content=content, bench=self)


def make_manifest(content: str = "") -> Manifest:
    """A manifest of one file with this text."""
    blob = sha256(content.encode()).hexdigest()
    return Manifest(digest=sha256(f"manifest {blob}".encode()).hexdigest(), files={"tools/one.py": blob})


def make_release(*tools: Tool, content: str = "", bench: Bench | None = None) -> Release:
    """A release of these tools; another `content` gives it another id."""
    manifest = make_manifest(content)
    chains = (
        {tool.name: build_chain(tool, release=manifest.release, ports=bench.ports) for tool in tools} if bench else {}
    )
    return Release(id=manifest.release, manifest=manifest, tools={tool.name: tool for tool in tools}, chains=chains)

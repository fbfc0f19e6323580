"""A deployer on a directory of its own, with stores in memory and a verifier that only compiles."""

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.unit.loader.projects import Files, as_bytes
from toolcrib.core.calls import ToolContext
from toolcrib.core.chain import Call, CallNext
from toolcrib.core.ports import ReleaseStore
from toolcrib.core.reasons import Reason
from toolcrib.core.redaction import Secrets
from toolcrib.core.releases import Acceptable, ColdChange, Deployment
from toolcrib.core.results import ToolResult
from toolcrib.core.stores.ledger import RunLedger
from toolcrib.core.tools import Tool
from toolcrib.deployment.deployer import Deployer
from toolcrib.deployment.ports import DeployerPorts
from toolcrib.deployment.room import Room
from toolcrib.loader.bundle import Bundle
from toolcrib.loader.compiling import compile_source, module_file
from toolcrib.loader.modules import ModulePool
from toolcrib.loader.verifier.client import Verdict, Verifier
from toolcrib.registry.registry import Registry
from toolcrib.registry.release import Release
from toolcrib.stores.memory.ledger import MemoryRunLedger
from toolcrib.stores.memory.releases import MemoryReleaseStore
from toolcrib.testing import RecordingEvents
from toolcrib.tools.resources.pool import ResourcePool

VALUE = '''
from toolcrib.core.decorator import tool

@tool(isolation="inline")
def value() -> object:
    """Give the value."""
    return tool and {0}
'''


def tree(value: object, **more: str) -> Files:
    """A project with one tool, `value`."""
    return {"tools/t.py": VALUE.format(repr(value)), **{f"{name}.py": text for name, text in more.items()}}


class Clock:
    """Time that goes on by one second each time it is looked at."""

    def __init__(self) -> None:
        self.time = 0.0

    def monotonic(self) -> float:
        self.time += 1
        return self.time

    def now(self) -> float:
        return self.monotonic()

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


class CompilingVerifier(Verifier):
    """Compiles in this process and runs nothing: what fails at import is left to the deployer. Counts its work."""

    def __init__(self) -> None:
        super().__init__(check="none:none", timeout_s=1)
        self.asked: list[str] = []
        self.passed: list[frozenset[str]] = []

    async def verify(
        self, bundle: Bundle, *, root: str, passed: Collection[str] = (), compare: bool = False
    ) -> Verdict:
        self.asked.append(bundle.manifest.release)
        self.passed.append(frozenset(passed))
        reasons, compiled = [], {}
        for path, digest in bundle.manifest.files.items():
            if path.endswith(".py"):
                found = compile_source(bundle.contents[path], path=path, filename=module_file(root, path, digest))
                if isinstance(found, Reason):
                    reasons.append(found)
                else:
                    compiled[path] = found
        return Verdict(reasons=tuple(reasons), compiled=MappingProxyType(compiled))


def compose(tool: Tool, release: Release) -> CallNext:
    async def run(call: Call) -> ToolResult:
        raise AssertionError(f"{tool.spec.name} of {release.id} is not called through its chain here")

    return run


@dataclass(slots=True, kw_only=True)
class Ground:
    """One process's deployer; several may share a store."""

    root: Path
    store: ReleaseStore = field(default_factory=MemoryReleaseStore)
    ledger: RunLedger = field(default_factory=MemoryRunLedger)
    registry: Registry = field(default_factory=Registry)
    pool: ModulePool = field(default_factory=ModulePool)
    events: RecordingEvents = field(default_factory=RecordingEvents)
    verifier: CompilingVerifier = field(default_factory=CompilingVerifier)
    env: Mapping[str, str] = field(default_factory=dict)
    busy: Callable[[], bool] = lambda: False
    resources: ResourcePool = field(default_factory=lambda: ResourcePool(env={}, clock=Clock()))
    restart_needed: tuple[ColdChange, ...] = ()
    room: Room = field(default_factory=Room)
    deployer: Deployer = field(init=False)

    def __post_init__(self) -> None:
        self.accepts()

    def accepts(self, *what: Acceptable) -> None:
        """A deployer that takes these without being asked."""
        self.deployer = Deployer(
            DeployerPorts(
                root=self.root,
                store=self.store,
                ledger=self.ledger,
                registry=self.registry,
                verifier=self.verifier,
                pool=self.pool,
                clock=Clock(),
                events=self.events,
                secrets=Secrets(self.env),
                compose=compose,
                checkpointer=None,
                busy=lambda: self.busy(),
                resources=self.resources,
                look_at_boundary=self.look_at_boundary,
                accept=frozenset(what),
                room=self.room,
            )
        )

    async def look_at_boundary(self) -> tuple[ColdChange, ...]:
        return self.restart_needed

    def restarted(self) -> "Ground":
        """Another process on the same directory and store."""
        return Ground(root=self.root, store=self.store, env=self.env)

    def write(self, files: Files) -> None:
        """Make the directory hold exactly these files."""
        for path in self.root.rglob("*.*"):
            if path.is_file() and path.relative_to(self.root).as_posix() not in files:
                path.unlink()
        for name, text in files.items():
            place = self.root / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(as_bytes(text))

    async def deploy(self, files: Files) -> Deployment:
        self.write(files)
        return await self.deployer.deploy(self.root, actor="test")

    @property
    def serving(self) -> Release:
        return self.registry.current.release

    def value(self, release: Release | None = None) -> Any:
        return call(release or self.serving)


def call(release: Release, name: str = "value") -> Any:
    return release.tools[name].run({}, ToolContext(tool=name, call_id="", release=release.id))


class Gate:
    """Something project code and a test meet at: the code waits in a thread until the test lets it go on."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.open = threading.Event()

    def pass_through(self) -> None:
        self.reached.set()
        assert self.open.wait(10)

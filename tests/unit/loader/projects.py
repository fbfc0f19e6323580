"""Projects for the tests of the loader: files as text, released one after the other into one pool."""

import linecache
import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

from toolcrib.core.reasons import Reason
from toolcrib.core.redaction import Secrets
from toolcrib.loader.bundle import Bundle, make_bundle
from toolcrib.loader.compiling import Compiled, compile_source, module_file
from toolcrib.loader.modules import ModulePool, ModuleSpace, SourceFile
from toolcrib.loader.project import LoadedProject, LoadPorts, load_project

Files = Mapping[str, str | bytes]

ADD = '''
from toolcrib.core.decorator import tool

@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b
'''


def bundle_of(files: Files) -> Bundle:
    return make_bundle({path: as_bytes(text) for path, text in files.items()})


def as_bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else dedent(text).encode()


def compile_all(bundle: Bundle, root: str) -> dict[str, Compiled]:
    compiled = {}
    for path, digest in bundle.manifest.files.items():
        if path.endswith(".py"):
            result = compile_source(bundle.contents[path], path=path, filename=module_file(root, path, digest))
            assert not isinstance(result, Reason), result
            compiled[path] = result
    return compiled


@dataclass(frozen=True, slots=True)
class Project:
    """Releases of one project in one pool of modules."""

    root: str
    pool: ModulePool = field(default_factory=ModulePool)

    def release(self, files: Files) -> ModuleSpace:
        bundle = bundle_of(files)
        digests = bundle.manifest.files
        sources = [
            SourceFile(path=path, digest=digests[path], source=bundle.contents[path], compiled=compiled)
            for path, compiled in compile_all(bundle, self.root).items()
        ]
        return ModuleSpace(root=self.root, digest=bundle.manifest.digest, files=sources, pool=self.pool)

    def load(
        self, files: Files, *, eager: bool = False, env: Mapping[str, str] | None = None
    ) -> tuple[LoadedProject | None, tuple[Reason, ...]]:
        bundle = bundle_of(files)
        ports = LoadPorts(root=self.root, pool=self.pool, secrets=Secrets(env or {}), eager=eager)
        return load_project(bundle, compile_all(bundle, self.root), ports)

    def write(self, files: Files) -> Path:
        """The files on disk, in the project's directory."""
        for path, text in files.items():
            place = Path(self.root, path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(as_bytes(text))
        return Path(self.root)


def snapshot(pool: ModulePool) -> dict[str, Any]:
    """Everything loading may leave behind in the process."""
    return {
        "modules": dict(sys.modules),
        "pool": len(pool),
        "lines": {name: entry for name, entry in linecache.cache.items()},
        "loggers": set(logging.Logger.manager.loggerDict),
    }

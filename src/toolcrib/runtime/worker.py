"""What a worker process is sent of a release, and how it makes tools of that; loaded into the fork server."""

import base64
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from toolcrib.core.tools import Tool
from toolcrib.loader.compiling import Compiled
from toolcrib.loader.modules import ModuleSpace, SourceFile
from toolcrib.loader.project import load_tools

LOAD = "toolcrib.runtime.worker:load"


def pack_release(space: ModuleSpace, tools: Iterable[Tool]) -> bytes:
    """A release's Python files, compiled, and which tools a worker shall make of them.

    Args:
        space: the release's modules: its bytes as they were verified, whatever the working tree holds by now.
        tools: those that run in worker processes.
    """
    wanted: dict[str, list[str]] = {}
    for file, name in sorted({(tool.spec.file, tool.spec.code_name or tool.spec.name) for tool in tools}):
        wanted.setdefault(file, []).append(name)
    files = [_packed(file) for file in space.files]
    where = {"root": space.root, "roots": space.roots, "digest": space.digest}
    return orjson.dumps({**where, "wanted": wanted, "files": files})


def load(payload: bytes) -> Mapping[str, Tool]:
    """In the worker: the release's tools, by address."""
    data = orjson.loads(payload)
    files = [_unpacked(item) for item in data["files"]]
    where = {"root": data["root"], "roots": data["roots"], "digest": data["digest"]}
    return load_tools(files, **where, wanted=data["wanted"])


def _packed(file: SourceFile) -> dict[str, Any]:
    return {
        "path": file.path,
        "digest": file.digest,
        "source": base64.b64encode(file.source).decode(),
        "code": base64.b64encode(file.compiled.code).decode(),
        "imports": file.compiled.imports,
    }


def _unpacked(item: Mapping[str, Any]) -> SourceFile:
    imports = tuple((level, module, tuple(names)) for level, module, names in item["imports"])
    return SourceFile(
        path=item["path"],
        digest=item["digest"],
        source=base64.b64decode(item["source"]),
        compiled=Compiled(code=base64.b64decode(item["code"]), imports=imports),
    )

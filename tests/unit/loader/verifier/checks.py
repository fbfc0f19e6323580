"""Checks that start fast, and what they need of the host: run by verifier processes of the tests."""

import sys

from toolcrib.loader.blame import blame
from toolcrib.loader.compiling import module_file
from toolcrib.loader.modules import ModulePool, ModuleSpace, SourceFile
from toolcrib.loader.verifier.zygote import CheckRequest, Findings

sys.stdout.write("a package that prints while it is imported\n" * 100)
sys.stdout.flush()


def load(request: CheckRequest) -> Findings:
    """Import every module."""
    digests = request.bundle.manifest.files
    files = [
        SourceFile(path=path, digest=digests[path], source=request.bundle.contents[path], compiled=compiled)
        for path, compiled in request.compiled.items()
    ]
    space = ModuleSpace(root=request.root, digest=request.bundle.manifest.digest, files=files, pool=ModulePool())
    reasons = []
    for file in files:
        request.progress(file.path)
        try:
            space.load(file.path.removesuffix(".py").replace("/", "."))
        except BaseException as error:  # noqa: BLE001 - outer guard: code under test raises what it likes
            by_file = {module_file(request.root, one.path, one.digest): one for one in files}
            reasons.append(blame(error, code="import", path=file.path, files=by_file))
    return Findings(reasons=tuple(reasons))


def break_down(request: CheckRequest) -> Findings:
    """A check with a mistake of its own."""
    raise RuntimeError("the check itself")

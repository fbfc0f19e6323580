"""What the verifier's child does with a candidate: load it twice and compile its graphs, as the runtime would."""

import os
from dataclasses import replace

from toolcrib.core.reasons import Reason
from toolcrib.deployment.assemble import build_agents
from toolcrib.loader.modules import ModulePool
from toolcrib.loader.project import LoadPorts, load_project
from toolcrib.loader.verifier.zygote import CheckRequest

_TWICE = (
    "Versions live side by side, so each is imported anew: register process-wide objects (metrics, tables) in an "
    "installed package, or guard against the second time."
)


def check(request: CheckRequest) -> list[Reason]:
    """Every reason why the candidate cannot serve.

    It is imported a second time beside the first: code that registers itself process-wide at import (a Prometheus
    counter, a SQLAlchemy table) works once and fails at the next deployment.
    """
    ports = LoadPorts(root=request.root, pool=ModulePool(), env=os.environ, on_module=request.progress, eager=True)
    project, reasons = load_project(request.bundle, request.compiled, ports)
    if project is None:
        return list(reasons)
    _, found = build_agents(project, request.bundle.manifest.release, checkpointer=None)
    if found:
        return found
    _, again = load_project(request.bundle, request.compiled, replace(ports, pool=ModulePool()))
    return [replace(r, code="import_twice", message=f"second import: {r.message}", hint=_TWICE) for r in again]

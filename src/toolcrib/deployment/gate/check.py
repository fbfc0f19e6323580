"""What the verifier's child does with a candidate: load it twice, compile its graphs and try its examples."""

import os
from dataclasses import replace

from toolcrib.core.redaction import Secrets
from toolcrib.deployment.assemble import build_agents, make_shape
from toolcrib.deployment.gate.options import misfits
from toolcrib.deployment.gate.prices import unpriced
from toolcrib.deployment.gate.trials import try_promises
from toolcrib.loader.modules import ModulePool
from toolcrib.loader.project import LoadPorts, load_project
from toolcrib.loader.reading.langgraph_json import LANGGRAPH, unmet_dependencies
from toolcrib.loader.verifier.zygote import CheckRequest, Findings

_TWICE = (
    "Versions live side by side, so each is imported anew: register process-wide objects (metrics, tables) in an "
    "installed package, or guard against the second time."
)


def check(request: CheckRequest) -> Findings:
    """Every reason why the candidate cannot serve, and what is needed to compare it.

    It is imported a second time beside the first: code that registers itself process-wide at import (a Prometheus
    counter, a SQLAlchemy table) works once and fails at the next deployment.
    """
    secrets = Secrets(os.environ)
    found = _findings(request, secrets)
    return replace(found, reasons=tuple(reason.scrubbed(secrets.scrub) for reason in found.reasons))


def _findings(request: CheckRequest, secrets: Secrets) -> Findings:
    ports = LoadPorts(root=request.root, pool=ModulePool(), secrets=secrets, on_module=request.progress, eager=True)
    project, reasons = load_project(request.bundle, request.compiled, ports)
    if project is None:
        return Findings(reasons=tuple(reasons))
    agents, found = build_agents(project, request.bundle.manifest.release, checkpointer=None)
    found += unpriced(project)
    found += misfits(project, passed=request.passed)
    if LANGGRAPH in project.config.documents:
        found += unmet_dependencies(project.config.documents[LANGGRAPH], request.bundle.contents)
    if found:
        return Findings(reasons=tuple(found))
    trials = try_promises(project, passed=request.passed, progress=request.progress)
    shape = make_shape(project, agents).to_json() if request.compare else ""
    _, again = load_project(request.bundle, request.compiled, replace(ports, pool=ModulePool()))
    twice = [replace(r, code="import_twice", message=f"second import: {r.message}", hint=_TWICE) for r in again]
    return Findings(reasons=(*trials.reasons, *twice), shape=shape, untried=tuple(trials.untried))

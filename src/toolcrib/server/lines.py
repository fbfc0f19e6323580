"""What a serving process tells people, line by line."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from toolcrib.core.errors import ProjectInvalid
from toolcrib.core.reasons import draw, draw_all
from toolcrib.core.releases import Change, ColdChange, Deployment, DeploymentState, restart_line
from toolcrib.runtime.crib import Crib

SAID: Mapping[DeploymentState, str] = MappingProxyType(
    {
        "active": "live",
        "canary": "live for a part",
        "promoted": "live for all",
        "withdrawn": "withdrawn; it serves nobody",
        "inactive": "kept; it serves nobody",
        "rolled_back": "live again",
        "held": "held for a tenant",
        "drained": "drained",
    }
)


def deployment_lines(deployment: Deployment) -> list[str]:
    """What became of a deployment; of the one at the start, of which the welcome tells, only what was accepted."""
    warnings = [draw(reason, word="warning") for reason in deployment.accepted]
    if deployment.actor == "start":
        return warnings
    match deployment.state:
        case "rejected":
            serving = f"; {deployment.previous} goes on serving" if deployment.previous else ""
            return [draw_all(deployment.reasons), f"✗ {deployment.release} rejected{serving}"]
        case "unchanged":
            return [f"= {deployment.release} serves already"]
        case state:
            words = SAID[state]
            took = f" in {deployment.timings_s['total'] * 1000:.0f} ms" if "total" in deployment.timings_s else ""
            changes = ", ".join(_change(change) for change in deployment.diff)
            told = [f"✓ {deployment.release} {words}{took}  {changes}".rstrip()]
            reasons = [f"  {one.verdict}: {one.kind} {one.name}: {one.why}" for one in deployment.diff if one.why]
            due = [f"  {restart_line(deployment.restart_needed)}"] if deployment.restart_needed else []
            return [*warnings, *told, *reasons, *due]


def restart_lines(changes: Sequence[ColdChange]) -> list[str]:
    """What needs a rolling restart by now, and why each of it does."""
    if not changes:
        return ["= no restart is needed any more"]
    return [f"! {restart_line(changes)}", *(f"  {why}" for why in dict.fromkeys(change.why for change in changes))]


def welcome_lines(crib: Crib, url: str, *, watch: bool) -> list[str]:
    """Where the server is, and what it serves."""
    release, problem = crib.release, crib.problem
    lines = []
    if isinstance(problem, ProjectInvalid):
        words = draw_all(problem.reasons) or problem.message
        lines = [words, f"✗ this directory was rejected; {release.id} goes on serving"]
    elif problem is not None:
        lines = [f"✗ {problem.message}", f"  {problem.hint}"]
    counts = f"{_count(len(release.tools), 'tool')}, {_count(len(release.agents), 'agent')}"
    watching = f", watching {crib.root}" if watch else ""
    return [
        *lines,
        f"toolcrib serves {release.id} ({counts}) on {url}{watching}",
        f"  API {url}/docs   events {url}/v1/events   Ctrl-C stops",
    ]


def _change(change: Change) -> str:
    whose = f" of {change.tenant}" if change.tenant else ""
    return f"{change.kind} {change.name}{whose} {change.change}{f' ({change.detail})' if change.detail else ''}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"

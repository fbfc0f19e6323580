"""What a serving process tells people, line by line."""

from toolcrib.core.errors import ProjectInvalid
from toolcrib.core.reasons import draw_all
from toolcrib.core.releases import Change, Deployment
from toolcrib.runtime.crib import Crib


def deployment_lines(deployment: Deployment) -> list[str]:
    """What became of a deployment; nothing for the one at the start, of which the welcome tells."""
    if deployment.actor == "start":
        return []
    match deployment.state:
        case "rejected":
            serving = f"; {deployment.previous} goes on serving" if deployment.previous else ""
            return [draw_all(deployment.reasons), f"✗ {deployment.release} rejected{serving}"]
        case "unchanged":
            return [f"= {deployment.release} serves already"]
        case "active" | "rolled_back":
            words = "live again" if deployment.state == "rolled_back" else "live"
            took = f" in {deployment.timings_s['total'] * 1000:.0f} ms" if "total" in deployment.timings_s else ""
            changes = ", ".join(_change(change) for change in deployment.diff)
            return [f"✓ {deployment.release} {words}{took}  {changes}".rstrip()]


def welcome_lines(crib: Crib, url: str, *, watch: bool) -> list[str]:
    """Where the server is, and what it serves."""
    release, problem = crib.release, crib.problem
    lines = []
    if problem is not None:
        words = draw_all(problem.reasons) if isinstance(problem, ProjectInvalid) else ""
        lines = [words or problem.message, f"✗ this directory was rejected; {release.id} goes on serving"]
    counts = f"{_count(len(release.tools), 'tool')}, {_count(len(release.agents), 'agent')}"
    watching = f", watching {crib.root}" if watch else ""
    return [
        *lines,
        f"toolcrib serves {release.id} ({counts}) on {url}{watching}",
        f"  API {url}/docs   events {url}/v1/events   Ctrl-C stops",
    ]


def _change(change: Change) -> str:
    return f"{change.kind} {change.name} {change.change}{f' ({change.detail})' if change.detail else ''}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"

"""What the history of deployments tells: the way back, and why the newest tree serves nobody."""

from collections.abc import Iterable
from types import MappingProxyType

from toolcrib.core.errors import Conflict, DeploymentRejected, ToolcribError
from toolcrib.core.releases import Channel, Deployment, release_id

LET_SERVE = frozenset({"active", "rolled_back", "promoted"})
"""Outcomes of deployments after which the release served all."""
ROLLED_BACK = "was rolled back from"
REPLACED = "was replaced by another deployment"
WITHOUT_SERVING = MappingProxyType({"inactive": "was deployed to serve nobody", "withdrawn": "was withdrawn"})
LONG = 1000
"""So many deployments are looked at."""


def one_back(history: Iterable[Deployment], current: str) -> str:
    """Id of the release one further back than `current`, empty when there is none.

    A roll-back shortens the way instead of lengthening it: the next one goes further back, not to what was just left.

    Args:
        history: past deployments, the newest first.
        current: id of the release that serves.
    """
    way: list[str] = []
    for deployment in reversed(list(history)):
        if deployment.state not in LET_SERVE:
            continue
        if not way and deployment.previous:
            way.append(deployment.previous)
        if deployment.state == "rolled_back" and deployment.release in way:
            while way[-1] != deployment.release:
                way.pop()
        elif not way or way[-1] != deployment.release:  # what serves may be deployed again, to end a canary
            way.append(deployment.release)
    while way and way[-1] != current:
        way.pop()
    return way[-2] if len(way) > 1 else ""


def newest(history: Iterable[Deployment], release: str) -> Deployment | None:
    """What became of a release last."""
    return next((deployment for deployment in history if deployment.release == release), None)


def standing(history: Iterable[Deployment], channel: Channel) -> ToolcribError | None:
    """Why the tree that was seen last serves nobody; None when it serves, or there is none.

    Args:
        history: past deployments, the newest first.
        channel: what serves, and the tree.
    """
    if channel.seen_tree in channel.serving | {""}:
        return None
    name = release_id(channel.seen_tree)
    past = list(history)
    last = newest(past, name)
    if last and last.state == "rejected":
        return rejection(last)
    serving = next((deployment.state for deployment in past if deployment.state in LET_SERVE), "rolled_back")
    left = ROLLED_BACK if serving == "rolled_back" else REPLACED
    became = WITHOUT_SERVING.get(last.state, left) if last else left
    return Conflict(
        f"The directory's newest state, {name}, {became}; {release_id(channel.digest)} serves.",
        hint=f"Change the directory, or let it serve: `toolcrib rollback {name}`.",
    )


def rejection(deployment: Deployment) -> DeploymentRejected:
    """A rejected deployment as an error."""
    return DeploymentRejected(f"The candidate {deployment.release} was rejected.", reasons=deployment.reasons)

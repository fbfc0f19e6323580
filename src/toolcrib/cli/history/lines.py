"""The history of deployments in lines for people: a row for each in a list, everything of one release."""

from datetime import datetime
from types import MappingProxyType

from toolcrib.cli import output
from toolcrib.cli.output import Json

HISTORY_HEAD = ("deployed", "outcome", "release", "from", "by", "why")
SIGNS = MappingProxyType({"added": "+", "removed": "-", "changed": "~"})
SHORT = 12
"""So many digits of a commit are shown in a line; with all of them it would not fit."""


def history_row(past: Json) -> tuple[str, ...]:
    """A deployment in short."""
    return (when(past["at"]), past["state"], past["release"], past["actor"], past.get("who", ""), past["why"])


def show_history(found: Json) -> None:
    """One release, and every deployment of it with all that is known."""
    count = len(found["files"])
    output.data(f"{found['id']}  {found['state']}{', serves all' if found['current'] else ''}")
    output.data(f"digest   {found['digest']}")
    output.data(f"arrived  {when(found['at'])}, {count} file{'' if count == 1 else 's'}")
    if users := ", ".join(f"{number} {holder}" for holder, number in sorted(found["leases"].items())):
        output.data(f"in use   {users}")
    for past in found["deployments"]:
        output.data("")
        _show_deployment(past)


def _show_deployment(past: Json) -> None:
    asked = f" by {past['who']}" if past.get("who") else ""
    output.data(f"{when(past['at'])}  {past['state']} ({past['actor']}{asked}), generation {past['generation']}")
    facts = {
        "why": past["why"],
        "commit": _commit(past.get("git")),
        "beside" if past["state"] == "canary" else "before": past["previous"],
        "verdict": past.get("verdict") or "",
        "took": ", ".join(f"{phase} {1000 * took:.0f} ms" for phase, took in past["timings_s"].items()),
    }
    for name, text in facts.items():
        if text:
            output.data(f"  {name:8} {text}")
    for change in past["diff"]:
        output.data(f"  {change_line(change)}")
    for key, words in (("reasons", "refused"), ("accepted", "accepted")):
        for reason in output.reasons_of(past, key):
            output.data(f"  {words:8} {f'{reason.place} ' if reason.file else ''}{reason.message}")
    for name, side in past.get("figures", {}).items():
        output.data(f"  {name:8} {_figures(side)}")


def _commit(git: Json | None) -> str:
    """A commit in short: its beginning, its branch, and whether the files differ from it."""
    if not git:
        return ""
    branch = f" on {git['branch']}" if git["branch"] else ""
    return f"{git['commit'][:SHORT] or 'none yet'}{branch}{', with changes of its own' if git['dirty'] else ''}"


def _figures(side: Json) -> str:
    """What one side of a canary came to, since it began."""
    whole = side.get("whole", {})
    return ", ".join(f"{tally['ended']} {kind}, {tally['errors']} failed" for kind, tally in whole.items())


def change_line(change: Json) -> str:
    """One difference between two releases."""
    detail = f"  ({change['detail']})" if change["detail"] else ""
    verdict = f"  {change['verdict']}: {change['why']}" if change.get("why") else ""
    return f"{SIGNS[change['change']]} {change['kind']} {change['name']}{detail}{verdict}"


def when(stamp: float) -> str:
    """A Unix time as people here write it."""
    return datetime.fromtimestamp(stamp).astimezone().strftime("%Y-%m-%d %H:%M:%S")

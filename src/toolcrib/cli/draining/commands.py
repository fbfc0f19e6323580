"""Who uses which release, hurrying one out of memory, and removing the files of old ones."""

from toolcrib.cli import output
from toolcrib.cli.backend import ask
from toolcrib.cli.canary.plans import given, seconds
from toolcrib.cli.exit_codes import FAILURE, OK, UsageProblem
from toolcrib.cli.options import Common
from toolcrib.cli.output import Json

PATIENCE_S = 60.0
"""How long a drain waits that asks runs to stop, or cuts them, unless it is told."""


def show_users(options: Common) -> int:
    """Print who uses which release."""
    found = ask(options, lambda source: source.users(), deploy=False)
    if options.json:
        output.as_json(found)
        return OK
    rows = [
        (
            one["release"],
            one["state"],
            "yes" if one["in_memory"] else "no",
            ", ".join(f"{count} {holder}" for holder, count in sorted(one["leases"].items())) or "-",
            "-" if one["oldest_s"] is None else f"{one['oldest_s']:.0f} s",
            *(str(one[name]) for name in ("running", "parked", "stopped")),
        )
        for one in found
    ]
    output.table(rows, head=("release", "state", "in memory", "leases", "oldest", "running", "parked", "stopped"))
    return OK


def drain(release: str | None, deadline: str, why: str, options: Common, *, cooperative: bool, hard: bool) -> int:
    """Take a release out of the memory of a server, and print what was stopped for it."""
    if not release:
        raise UsageProblem("Which release?", hint="toolcrib releases drain r-1a2b3c4d [--deadline 60s] --url URL")
    if not options.url:
        raise UsageProblem("A release is drained in a server's memory.", hint="Say which one with --url.")
    patience_s = seconds(deadline) if deadline else PATIENCE_S if cooperative or hard else 0.0
    body = given({"deadline_s": patience_s, "cooperative": cooperative, "hard": hard, "why": why or None})
    drained = ask(options, lambda source: source.drain(release, body), deploy=False)
    if options.json:
        output.as_json(drained)
        return OK
    words = {
        "retired": "has left memory",
        "drained": "has no user any more; it leaves memory when its last thread has ended",
        "absent": "was not in memory",
    }
    output.data(f"{drained['release']} {words[drained['state']]}")
    for one in drained["stopped"]:
        thread = f", thread {one['thread_id']}" if one["thread_id"] else ""
        output.data(f"  {one['became']}: {one['kind']} {one['id']} of {one['what']}{thread}")
    if any(one["became"] == "drained" for one in drained["stopped"]):
        output.note("drained runs go on with `toolcrib runs resume ID`")
    return OK


def collect(keep: int | None, options: Common, *, dry_run: bool) -> int:
    """Remove the files of releases that nothing needs, or print which these are."""
    body = given({"keep": keep, "dry_run": dry_run})
    found = ask(options, lambda source: source.collect(body), deploy=False)
    if options.json:
        output.as_json(found)
        return OK
    words = "would be collected" if dry_run else "collected"
    for release in found["releases"]:
        output.data(f"{release} {words}")
    freed = "" if dry_run else f", {found['freed_bytes'] / 1e6:.1f} MB freed"
    output.note(f"{len(found['releases'])} {words}, {found['kept']} kept{freed}")
    if dry_run and found["releases"]:
        output.note("nothing was changed: add --yes to collect them")
    return OK


def resume(run: str, options: Common) -> int:
    """Let a stopped run go on, and print its answer."""
    if not run:
        raise UsageProblem("Which run?", hint="toolcrib runs resume ID; `toolcrib runs` lists the ids.")
    result: Json = ask(options, lambda source: source.resume_run(run), deploy=False)
    if options.json:
        output.as_json(result)
    elif result["success"]:
        output.data(output.plain(result["output"]))
    else:
        output.note(f"{result['error']['code']}: {result['error']['message']}")
    return OK if result["success"] else FAILURE

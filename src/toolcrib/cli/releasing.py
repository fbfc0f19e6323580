"""`toolcrib verify`, `deploy`, `releases`, `diff`, `rollback`."""

from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, get_args

import typer

from toolcrib.cli import output
from toolcrib.cli.backend import Backend, ask
from toolcrib.cli.canary import Part, outcome, plan
from toolcrib.cli.canary.options import BakeOption, SamplesOption, TenantsOption, WhyOption
from toolcrib.cli.draining import (
    CooperativeOption,
    DeadlineOption,
    HardOption,
    KeepOption,
    collect,
    drain,
    show_users,
)
from toolcrib.cli.exit_codes import INVALID, OK, REJECTED, UsageProblem
from toolcrib.cli.history.lines import HISTORY_HEAD, change_line, history_row, show_history, when
from toolcrib.cli.options import Common, JsonOption, ProjectOption, UrlOption
from toolcrib.cli.output import Json
from toolcrib.core.errors import ProjectInvalid
from toolcrib.core.names import did_you_mean
from toolcrib.core.releases import Acceptable, ColdChange, Verification, restart_line

SAID = MappingProxyType(
    {
        "active": "is live",
        "canary": "is live for a part",
        "promoted": "is live for all",
        "withdrawn": "is rolled back; it serves nobody",
        "inactive": "is kept; it serves nobody",
        "rolled_back": "is live again",
        "unchanged": "serves already",
    }
)
DirectoryArgument = Annotated[Path | None, typer.Argument(help="The directory; by default the project's.")]
AcceptOption = Annotated[
    list[str] | None,
    typer.Option(
        help="`permissions`: take a release that lowers guards; `stranded`: one that waiting threads cannot come to.",
        metavar="WHAT",
    ),
]
ReleaseArgument = Annotated[str | None, typer.Argument(help="Id of a release, e.g. r-1a2b3c4d.")]


def verify(
    directory: DirectoryArgument = None,
    *,
    accept: AcceptOption = None,
    project: ProjectOption = None,
    json: JsonOption = False,
) -> int:
    """Try the gate: print why the directory would be rejected, or what it would change; change nothing."""
    from toolcrib.runtime.build import verify_project
    from toolcrib.runtime.locate import find_project
    from toolcrib.runtime.signals import run

    options = Common(project=project, json=json)
    root = directory or options.project or find_project(Path.cwd())
    found = run(verify_project(root, accept=_accepted(accept)))
    if options.json:
        output.as_json(found.to_dict())
    else:
        _show(found, root)
    return INVALID if found.reasons else OK


def _show(found: Verification, root: Path) -> None:
    """What the gate says, for people."""
    for line in found.untried:
        output.note(f"not tried: {line}")
    output.show_warnings(found.accepted)
    if reasons := found.reasons:
        output.show_reasons(reasons)
        output.note(f"{root}: {len(reasons)} reason{'s' if len(reasons) > 1 else ''} against it")
        return
    output.data(f"{root}: ok")
    if found.against:
        output.data(f"against {found.against}: {found.verdict or 'not compared'}")
        for change in found.diff:
            output.data(f"  {change_line(asdict(change))}")


def deploy(
    directory: DirectoryArgument = None,
    *,
    canary: Annotated[
        float | None, typer.Option(help="Let it serve this percentage of threads, as a canary.", min=0, max=100)
    ] = None,
    tenants: TenantsOption = "",
    bake: BakeOption = "",
    min_samples: SamplesOption = None,
    inactive: Annotated[bool, typer.Option("--inactive", help="Keep it; nobody sees it.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the canary is promoted or rolled back.")] = False,
    accept: AcceptOption = None,
    why: WhyOption = "",
    project: ProjectOption = None,
    url: UrlOption = "",
    json: JsonOption = False,
) -> int:
    """Verify the directory and let it serve; print what changed, or why it was rejected.

    Outside of a project the directory is the project itself.
    """
    if directory and not (project or url) and not _in_project():
        project, directory = directory, None
    options = Common(project=project, url=url, json=json)
    part = Part(canary=canary, tenants=tenants, bake=bake, min_samples=min_samples)
    body = plan(part, inactive=inactive, why=why)
    if accepted := _accepted(accept):
        body["accept"] = accepted
    deployment = ask(options, lambda source: _deployed(source, directory, body, wait=wait), deploy=False)
    _report(deployment, options)
    return REJECTED if deployment["state"] in ("rejected", "withdrawn") else OK


def rollback(
    release: ReleaseArgument = None,
    *,
    why: WhyOption = "",
    project: ProjectOption = None,
    url: UrlOption = "",
    json: JsonOption = False,
) -> int:
    """Serve another release again; without an id end the canary, or go one release further back each time."""
    options = Common(project=project, url=url, json=json)
    _report(ask(options, lambda source: source.rollback(release, why), deploy=False), options)
    return OK


def releases(
    action: Annotated[
        Literal["list", "show", "hold", "unhold", "drain", "gc"],
        typer.Argument(help="List all; show one; hold a tenant on one, or let go; drain one; remove old files."),
    ] = "list",
    release: ReleaseArgument = None,
    *,
    users: Annotated[bool, typer.Option("--users", help="List: who uses which release.")] = False,
    deadline: DeadlineOption = "",
    cooperative: CooperativeOption = False,
    hard: HardOption = False,
    keep: KeepOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="gc: remove them; without it nothing is changed.")] = False,
    tenant: Annotated[str, typer.Option(help="The tenant to hold, or to let go of.", show_default=False)] = "",
    why: WhyOption = "",
    project: ProjectOption = None,
    url: UrlOption = "",
    json: JsonOption = False,
) -> int:
    """List the releases with who sees them and what was deployed, show one, or say what is to become of one.

    `drain` takes a release that no longer serves out of a server's memory; `gc` removes the files of old ones that
    nothing needs.
    """
    options = Common(project=project, url=url, json=json)
    match action:
        case "show":
            return _show_release(release, options)
        case "hold" | "unhold":
            return _hold_tenant(release if action == "hold" else None, tenant, why, options, held=action == "hold")
        case "drain":
            return drain(release, deadline, why, options, cooperative=cooperative, hard=hard)
        case "gc":
            return collect(keep, options, dry_run=not yes)
        case "list":
            return show_users(options) if users else _list_releases(options)


def _list_releases(options: Common) -> int:
    found = ask(options, lambda source: source.releases(), deploy=False)
    if options.json:
        output.as_json(found)
        return OK
    rows = [
        (one["id"], one["state"], _serves(one["id"], found["channel"]), when(one["at"])) for one in found["releases"]
    ]
    output.table(rows, head=("release", "state", "serves", "arrived"))
    output.data("")
    output.table([history_row(past) for past in found["history"][:10]], head=HISTORY_HEAD)
    return OK


def _show_release(release: str | None, options: Common) -> int:
    if release is None:
        raise UsageProblem("Which release?", hint="toolcrib releases show r-1a2b3c4d")
    found = ask(options, lambda source: source.release(release), deploy=False)
    if options.json:
        output.as_json(found)
    else:
        show_history(found)
    return OK


def _hold_tenant(release: str | None, tenant: str, why: str, options: Common, *, held: bool) -> int:
    if not tenant or (held and not release):
        words = "hold r-1a2b3c4d --tenant acme" if held else "unhold --tenant acme"
        asked = "Which tenant, and which release?" if held else "Which tenant?"
        raise UsageProblem(asked, hint=f"toolcrib releases {words}")
    body = {"tenant": tenant, "release": release, "why": why}
    deployment = ask(options, lambda source: source.hold(body), deploy=False)
    if options.json:
        output.as_json(deployment)
    else:
        output.data(f"{tenant} sees {deployment['release'] if held else 'what all others see'}")
    return OK


def _serves(release: str, channel: Json) -> str:
    """Whom a release serves, in words."""
    canary = channel["canary"]
    words = ["all" if canary is None else "all others"] if release == channel["stable"] else []
    if canary and release == canary["release"]:
        words += [f"{canary['percent']:g} % of threads (canary)", *canary["tenants"]]
    held = [tenant for tenant, one in channel["held"].items() if one == release]
    return ", ".join([*words, *(f"{tenant} (held)" for tenant in held)])


def diff(
    older: ReleaseArgument = None,
    newer: ReleaseArgument = None,
    *,
    project: ProjectOption = None,
    url: UrlOption = "",
    json: JsonOption = False,
) -> int:
    """Show what differs between two releases, and what it means; by default between the former and the current one."""
    options = Common(project=project, url=url, json=json)
    found = ask(options, lambda source: source.diff(older, newer), deploy=False)
    if options.json:
        output.as_json(found)
    elif found["changes"]:
        for change in found["changes"]:
            output.data(change_line(change))
        output.data(f"verdict: {found['verdict']}")
    else:
        output.note("no difference")
    return OK


def _accepted(words: list[str] | None) -> list[Acceptable]:
    """What was given by `--accept`.

    Raises:
        UsageProblem: there is no such thing to accept.
    """
    known: dict[str, Acceptable] = {word: word for word in get_args(Acceptable)}
    for word in words or ():
        if word not in known:
            raise UsageProblem(f"{word!r} cannot be accepted.", hint=did_you_mean(word, known))
    return [known[word] for word in words or ()]


def _in_project() -> bool:
    from toolcrib.runtime.locate import find_project

    try:
        return bool(find_project(Path.cwd()))
    except ProjectInvalid:
        return False


async def _deployed(source: Backend, directory: Path | None, body: Json, *, wait: bool) -> Json:
    deployment = await source.deploy(directory, body)
    if not (wait and deployment["state"] == "canary"):
        return deployment
    output.note(f"{deployment['release']} is a canary; Ctrl-C ends the waiting, not the canary")
    return await outcome(source, deployment["release"])


def _report(deployment: Json, options: Common) -> None:
    """Print what became of a deployment."""
    if options.json:
        output.as_json(deployment)
    elif deployment["state"] == "rejected":
        output.show_reasons(output.reasons_of(deployment))
        serving = deployment.get("previous")
        output.note(f"rejected{f'; {serving} goes on serving' if serving else ''}")
    else:
        output.show_warnings(output.reasons_of(deployment, "accepted"))
        total = deployment["timings_s"].get("total", 0.0)
        verdict = f", {deployment['verdict']}" if deployment.get("verdict") else ""
        output.data(f"{deployment['release']} {SAID[deployment['state']]} ({total * 1000:.0f} ms){verdict}")
        for change in deployment["diff"]:
            output.data(f"  {change_line(change)}")
        if deployment["state"] == "rolled_back" and deployment["previous"]:
            left = deployment["previous"]
            output.note(f"`toolcrib rollback {left}` serves {left} again; `toolcrib rollback` goes one further back.")
        if deployment["actor"] == "guard":
            output.note(deployment["why"])
    if line := restart_line(map(ColdChange.from_dict, deployment.get("restart_needed") or ())):
        output.note(f"! {line}")

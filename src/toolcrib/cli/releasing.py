"""`toolcrib verify`, `deploy`, `releases`, `diff`, `rollback`."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from toolcrib.cli import output
from toolcrib.cli.backend import backend
from toolcrib.cli.exit_codes import INVALID, OK, REJECTED
from toolcrib.cli.options import Common, JsonOption, ProjectOption, UrlOption
from toolcrib.cli.output import Json

DirectoryArgument = Annotated[Path | None, typer.Argument(help="The directory; by default the project's.")]
ReleaseArgument = Annotated[str | None, typer.Argument(help="Id of a release, e.g. r-1a2b3c4d.")]


def verify(directory: DirectoryArgument = None, *, project: ProjectOption = None, json: JsonOption = False) -> int:
    """Try the gate: print every reason why the directory would be rejected; change nothing."""
    from toolcrib.runtime.build import verify_project
    from toolcrib.runtime.locate import find_project

    options = Common(project=project, json=json)
    root = directory or options.project or find_project(Path.cwd())
    reasons = asyncio.run(verify_project(root))
    if options.json:
        output.as_json({"ok": not reasons, "reasons": [reason.to_dict() for reason in reasons]})
    elif reasons:
        output.show_reasons(reasons)
        output.note(f"{root}: {len(reasons)} reason{'s' if len(reasons) > 1 else ''} against it")
    else:
        output.data(f"{root}: ok")
    return INVALID if reasons else OK


def deploy(
    directory: DirectoryArgument = None,
    *,
    project: ProjectOption = None,
    url: UrlOption = "",
    json: JsonOption = False,
) -> int:
    """Verify the directory and let it serve; print what changed, or why it was rejected."""
    options = Common(project=project, url=url, json=json)
    return _report(asyncio.run(_deploy(directory, options)), options)


def rollback(
    release: ReleaseArgument = None, *, project: ProjectOption = None, url: UrlOption = "", json: JsonOption = False
) -> int:
    """Serve an older release again; by default the one that served before."""
    options = Common(project=project, url=url, json=json)
    return _report(asyncio.run(_rollback(release, options)), options)


def releases(*, project: ProjectOption = None, url: UrlOption = "", json: JsonOption = False) -> int:
    """List the releases in the store and what became of the newest deployments."""
    options = Common(project=project, url=url, json=json)
    found = asyncio.run(_releases(options))
    if options.json:
        output.as_json(found)
        return OK
    rows = [
        ("*" if release["id"] == found["current"] else "", release["id"], release["state"], _time(release["at"]))
        for release in found["releases"]
    ]
    output.table(rows, head=("", "release", "state", "arrived"))
    for deployment in found["history"][:10]:
        output.note(
            f"{_time(deployment['at'])}  {deployment['state']:<11} {deployment['release']}  by {deployment['actor']}"
        )
    return OK


def diff(
    older: ReleaseArgument = None,
    newer: ReleaseArgument = None,
    *,
    project: ProjectOption = None,
    url: UrlOption = "",
    json: JsonOption = False,
) -> int:
    """Show what differs between two releases; by default between the former and the current one."""
    options = Common(project=project, url=url, json=json)
    changes = asyncio.run(_diff(older, newer, options))
    if options.json:
        output.as_json(changes)
    else:
        for change in changes:
            output.data(_change(change))
        if not changes:
            output.note("no difference")
    return OK


async def _deploy(directory: Path | None, options: Common) -> Json:
    async with backend(options, deploy=False) as source:
        return await source.deploy(directory)


async def _rollback(release: str | None, options: Common) -> Json:
    async with backend(options, deploy=False) as source:
        return await source.rollback(release)


async def _releases(options: Common) -> Json:
    async with backend(options, deploy=False) as source:
        return await source.releases()


async def _diff(older: str | None, newer: str | None, options: Common) -> list[Json]:
    async with backend(options, deploy=False) as source:
        return await source.diff(older, newer)


def _report(deployment: Json, options: Common) -> int:
    """Print what became of a deployment; the exit code says it too."""
    rejected = deployment["state"] == "rejected"
    if options.json:
        output.as_json(deployment)
    elif rejected:
        output.show_reasons(output.reasons_of(deployment))
        serving = deployment.get("previous")
        output.note(f"rejected{f'; {serving} goes on serving' if serving else ''}")
    else:
        words = {"active": "is live", "rolled_back": "is live again", "unchanged": "serves already"}
        total = deployment["timings_s"].get("total", 0.0)
        output.data(f"{deployment['release']} {words[deployment['state']]} ({total * 1000:.0f} ms)")
        for change in deployment["diff"]:
            output.data(f"  {_change(change)}")
    return REJECTED if rejected else OK


def _change(change: Json) -> str:
    sign = {"added": "+", "removed": "-", "changed": "~"}[change["change"]]
    detail = f"  ({change['detail']})" if change["detail"] else ""
    return f"{sign} {change['kind']} {change['name']}{detail}"


def _time(stamp: float) -> str:
    return datetime.fromtimestamp(stamp).astimezone().strftime("%Y-%m-%d %H:%M:%S")

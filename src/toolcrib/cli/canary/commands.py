"""`toolcrib canary` and `toolcrib promote`."""

from datetime import datetime
from typing import Annotated

import typer

from toolcrib.cli import output
from toolcrib.cli.backend import ask
from toolcrib.cli.canary.options import BakeOption, SamplesOption, TenantsOption, WhyOption
from toolcrib.cli.canary.plans import given, judged, names
from toolcrib.cli.exit_codes import OK, UsageProblem
from toolcrib.cli.options import Common, JsonOption, ProjectOption, UrlOption
from toolcrib.cli.output import Json

FIGURES = (
    ("runs", "", "ended"),
    ("runs", "failed", "errors"),
    ("runs", "timed out", "timeouts"),
    ("runs", "in a loop", "loops"),
    ("runs", "p95", "p95_s"),
    ("runs", "cost", "cost_usd"),
    ("calls", "", "ended"),
    ("calls", "failed", "errors"),
    ("calls", "timed out", "timeouts"),
    ("calls", "invalid", "invalid"),
    ("calls", "p95", "p95_s"),
)


def canary(
    change: Annotated[
        str, typer.Argument(metavar="[PERCENT|end]", help="A new percentage, or `end`.", show_default=False)
    ] = "",
    *,
    tenants: TenantsOption = "",
    bake: BakeOption = "",
    min_samples: SamplesOption = None,
    why: WhyOption = "",
    project: ProjectOption = None,
    url: UrlOption = "",
    json: JsonOption = False,
) -> int:
    """Show how the canary does beside the stable release, change its part, or end it."""
    options = Common(project=project, url=url, json=json)
    asked = {"percent": _percent(change), "tenants": names(tenants) or None, "why": why or None}
    body = given({**asked, **judged(bake, min_samples)})
    if change == "end":
        _tell(ask(options, lambda source: source.end_canary(why), deploy=False), "serves nobody any more", options)
    elif body:
        _tell(ask(options, lambda source: source.change_canary(body), deploy=False), "is changed", options)
    else:
        _show(ask(options, lambda source: source.canary(), deploy=False), options)
    return OK


def promote(
    *, why: WhyOption = "", project: ProjectOption = None, url: UrlOption = "", json: JsonOption = False
) -> int:
    """Let the canary serve all, without waiting until it has proven itself."""
    options = Common(project=project, url=url, json=json)
    _tell(ask(options, lambda source: source.promote(why), deploy=False), "is live for all", options)
    return OK


def _percent(text: str) -> float | None:
    """The percentage in the argument, if there is one.

    Raises:
        UsageProblem: it is neither a percentage nor `end`.
    """
    if text in ("", "end"):
        return None
    try:
        percent = float(text.removesuffix("%"))
    except ValueError:
        percent = -1.0
    if not 0 <= percent <= 100:
        raise UsageProblem(f"{text!r} is no percentage.", hint="toolcrib canary 25, or `toolcrib canary end`.")
    return percent


def _tell(deployment: Json, words: str, options: Common) -> None:
    if options.json:
        output.as_json(deployment)
    else:
        output.data(f"{deployment['release']} {words}")


def _show(status: Json, options: Common) -> None:
    if options.json:
        output.as_json(status)
        return
    since = datetime.fromtimestamp(status["since"]).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    tenants = f" and {', '.join(status['tenants'])}" if status["tenants"] else ""
    output.data(f"{status['release']} beside {status['stable']}: {status['percent']:g} %{tenants}, since {since}")
    output.data(f"{status['move'].replace('_', ' ')}: {status['why']}")
    if not options.url:
        output.note("The figures are known to the process that serves: ask it with --url.")
        return
    mine, other = (status["figures"][side]["whole"] for side in ("canary", "stable"))
    rows = [
        (f"{kind} {title}".strip(), *(_cell(side[kind], figure) for side in (mine, other)))
        for kind, title, figure in FIGURES
        if mine[kind]["ended"] or other[kind]["ended"]
    ]
    output.table(rows, head=("since it began", "canary", "stable"))


def _cell(tally: Json, figure: str) -> str:
    value = tally[figure]
    match figure:
        case "ended":
            return str(value)
        case "p95_s":
            return "-" if value is None else f"{value:.3g} s"
        case "cost_usd":
            return "-" if value is None else f"${value:.3g}"
        case _:
            return f"{value / max(1, tally['ended']):.1%}"

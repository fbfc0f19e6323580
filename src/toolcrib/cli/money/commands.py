"""What was spent, what is reserved, and the limits."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Literal

import typer

from toolcrib.cli import output
from toolcrib.cli.backend import ask
from toolcrib.cli.exit_codes import OK
from toolcrib.cli.options import Common, JsonOption, ProjectOption, UrlOption
from toolcrib.cli.output import Json

UNLIMITED = "-"


def budgets(
    action: Annotated[Literal["list"], typer.Argument(help="List the accounts.")] = "list",
    *,
    scope: Annotated[
        Literal["", "run", "thread", "tenant", "agent"],
        typer.Option(help="Only accounts of runs, threads, tenants or agents.", show_default=False),
    ] = "",
    tenant: Annotated[str | None, typer.Option(help="Only those of this tenant.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(help="So many at most.", min=1, max=1000)] = 100,
    project: ProjectOption = None,
    url: UrlOption = "",
    json: JsonOption = False,
) -> int:
    """List the accounts of budgets: spent, reserved, limit; those of single runs with `--scope run`."""
    options = Common(project=project, url=url, json=json)
    wanted: Json = {"scope": scope, "tenant": tenant, "limit": limit}
    found = ask(options, lambda source: source.budgets(wanted), deploy=False)
    if json:
        output.as_json(found)
        return OK
    rows = [
        (
            one["scope"],
            one["name"] if one["scope"] != "tenant" else one["tenant"] or "(none)",
            one["period"] or "for ever",
            *(dollars(one[f"{what}_usd"]) for what in ("spent", "reserved", "limit")),
            *(_count(one[f"{what}_tokens"]) for what in ("spent", "reserved", "limit")),
            _when(one["renews_at"]),
        )
        for one in found
    ]
    head = ("account", "of", "period", "spent", "reserved", "limit", "tokens", "reserved", "limit", "renews")
    output.table(rows, head=head)
    return OK


def dollars(usd: str | None) -> str:
    """`$0.0004`: to a hundredth of a cent, rounded up, so that what is not nothing never looks like it."""
    if usd is None:
        return UNLIMITED
    return f"${Decimal(usd).quantize(Decimal('0.0001'), rounding='ROUND_CEILING')}"


def _count(tokens: int | None) -> str:
    return UNLIMITED if tokens is None else f"{tokens:,}"


def _when(stamp: float | None) -> str:
    return "never" if stamp is None else f"{datetime.fromtimestamp(stamp, UTC):%Y-%m-%d %H:%M} UTC"

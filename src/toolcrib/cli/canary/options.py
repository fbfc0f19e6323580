"""The options that deployments and canaries share."""

from typing import Annotated

import typer

WhyOption = Annotated[str, typer.Option("--why", help="Why, for the history.", show_default=False)]
TenantsOption = Annotated[
    str, typer.Option("--tenants", help="Tenants that see the canary, e.g. acme,beta.", show_default=False)
]
BakeOption = Annotated[str, typer.Option("--bake", help="How long it must prove itself, e.g. 10m.", show_default=False)]
SamplesOption = Annotated[
    int | None,
    typer.Option("--min-samples", help="How many runs or calls must have ended on both sides.", min=1),
]

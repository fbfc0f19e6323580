"""The options of a drain and of a collection."""

from typing import Annotated

import typer

DeadlineOption = Annotated[
    str,
    typer.Option("--deadline", help="Drain: how long to wait for its users, e.g. 60s.", show_default=False),
]
CooperativeOption = Annotated[
    bool, typer.Option("--cooperative", help="Drain: ask its runs to stop before their next step.")
]
HardOption = Annotated[
    bool, typer.Option("--hard", help="Drain: after the deadline cut the runs and tasks that are left.")
]
KeepOption = Annotated[
    int | None, typer.Option("--keep", help="gc: keep so many of the newest; by default the setting.", min=1)
]

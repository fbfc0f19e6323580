"""What commands print: data on stdout, everything else on stderr; JSON when asked for."""

import io
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from toolcrib.core.errors import ProjectInvalid, ToolcribError
from toolcrib.core.reasons import Reason, draw_all

Json = dict[str, Any]


class Aside(io.TextIOBase):
    """Stands in for stdout while a project is open: what its code prints goes to stderr, beside the data.

    Attributes:
        data: the real stdout.
    """

    def __init__(self, data: TextIO) -> None:
        self.data = data

    def write(self, text: str) -> int:
        """Write to stderr."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Flush stderr."""
        sys.stderr.flush()


def data(text: str) -> None:
    """A line of data."""
    out = sys.stdout.data if isinstance(sys.stdout, Aside) else sys.stdout
    out.write(f"{text}\n")
    out.flush()


def note(text: str) -> None:
    """A line for people: progress, warnings, errors."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def as_json(value: Any) -> None:
    """A JSON document as data."""
    data(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def plain(value: Any) -> str:
    """A value as people read it: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2, default=str)


def table(rows: Iterable[Sequence[Any]], *, head: Sequence[str]) -> None:
    """Rows under a head, in columns; on a terminal too narrow for them the last column wraps."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console()
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for index, title in enumerate(head):
        drawn.add_column(title, overflow="fold", no_wrap=index == 0)
    for row in rows:
        drawn.add_row(*(_cell(cell) for cell in row))
    console.print(drawn)


def show_error(error: ToolcribError) -> None:
    """An error for people: what happened, every reason with its place, the fix."""
    if isinstance(error, ProjectInvalid) and error.reasons:
        show_reasons(error.reasons)
    note(f"error: {error.message}")
    if error.hint:
        note(f"  fix: {error.hint}")


def show_reasons(reasons: Sequence[Reason]) -> None:
    """Why a candidate is refused, drawn with carets."""
    note(draw_all(reasons))
    note("")


def reasons_of(body: Mapping[str, Any]) -> tuple[Reason, ...]:
    """The reasons in a deployment or problem document."""
    return tuple(Reason.from_dict(reason) for reason in body.get("reasons") or ())


def _cell(value: Any) -> str:
    from rich.markup import escape

    return escape(str(value))

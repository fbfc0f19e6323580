"""What commands print: data on stdout, everything else on stderr; JSON when asked for."""

import io
import json
import logging
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, TextIO

from toolcrib.cli.exit_codes import Interrupted
from toolcrib.core.errors import ProjectInvalid, ToolcribError
from toolcrib.core.reasons import Reason, draw_all

Json = dict[str, Any]
RUN_FAILED = "run failed"
"""The log's words for a run that raised."""
EVENT_LOGS = frozenset({"toolcrib.events", "toolcrib.releases"})


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


PLAIN = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime"})


class Told(logging.Handler):
    """What toolcrib logs while a project is open, in lines for people; of a traceback only the project's own lines."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._ours = re.compile(rf"{re.escape(str(root))}/(?P<path>.+)@[0-9a-f]{{8}}\.py")

    def emit(self, record: logging.LogRecord) -> None:
        """Warnings, and where the project's code raised; what it raised is said by the command itself."""
        if record.name in EVENT_LOGS:
            return
        error = record.exc_info[1] if record.exc_info else None
        if record.levelno >= logging.WARNING and record.msg != RUN_FAILED:
            why = f": {type(error).__name__}: {error}" if error else ""
            note(f"warning: {record.getMessage()}{_facts(record)}{why}")
        for frame in traceback.extract_tb(error.__traceback__) if error else ():
            if found := self._ours.fullmatch(frame.filename):
                note(f"  at {found['path']}.py:{frame.lineno} in {frame.name}: {frame.line}")


def _facts(record: logging.LogRecord) -> str:
    """What a record was given as `extra`, in words; of a mapping its parts."""
    given = {name: value for name, value in vars(record).items() if name not in PLAIN}
    parts = [
        part
        for name, value in given.items()
        for part in (value.items() if isinstance(value, dict) else [(name, value)])
    ]
    said = [f"{name} {value}" for name, value in parts if value not in ("", None)]
    return f" ({', '.join(said)})" if said else ""


@contextmanager
def told(root: Path) -> Iterator[None]:
    """While a project is open: its stdout is put aside, and what toolcrib logs goes to people."""
    ours, calls, handler = logging.getLogger("toolcrib"), logging.getLogger("toolcrib.execution"), Told(root)
    ours.addHandler(handler)
    level = calls.level
    calls.setLevel(logging.DEBUG)  # where a tool raised
    try:
        with redirect_stdout(Aside(sys.stdout)):
            yield
    finally:
        calls.setLevel(level)
        ours.removeHandler(handler)


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


def kib(size: int) -> str:
    """A size in bytes, for people."""
    return f"{size / 1024:.1f} KiB" if size < 1 << 20 else f"{size / (1 << 20):.1f} MiB"


def table(rows: Iterable[Sequence[Any]], *, head: Sequence[str]) -> None:
    """Rows under a head, in columns. On a terminal too narrow for them the last ones wrap; elsewhere nothing is cut."""
    if not sys.stdout.isatty():
        _uncut([head, *rows])
        return
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


def _uncut(rows: Sequence[Sequence[Any]]) -> None:
    """A line for each row, for files and other programs."""
    from rich.cells import cell_len

    cells = [[" ".join(str(cell).splitlines()) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        data("  ".join(padded).rstrip())


def show_error(error: ToolcribError) -> None:
    """An error for people: what happened, every reason with its place, the fix."""
    if isinstance(error, ProjectInvalid) and error.reasons:
        show_reasons(error.reasons)
    note(error.message if isinstance(error, Interrupted) else f"error: {error.message}")
    if error.hint:
        note(f"  fix: {error.hint}")


def problem(error: ToolcribError) -> None:
    """An error for scripts: one line of JSON, the last one on stderr."""
    reasons = error.reasons if isinstance(error, ProjectInvalid) else ()
    said = {"code": error.code, "message": error.message, "hint": error.hint}
    note(json.dumps(said | {"reasons": [reason.to_dict() for reason in reasons]}, ensure_ascii=False))


def show_reasons(reasons: Sequence[Reason]) -> None:
    """Why a candidate is refused, drawn with carets."""
    note(draw_all(reasons))
    note("")


def show_warnings(reasons: Sequence[Reason]) -> None:
    """What was accepted although it speaks against a candidate."""
    if reasons:
        note(draw_all(reasons, word="warning"))
        note("")


def reasons_of(body: Mapping[str, Any], key: str = "reasons") -> tuple[Reason, ...]:
    """The reasons in a deployment or problem document."""
    return tuple(Reason.from_dict(reason) for reason in body.get(key) or ())


def _cell(value: Any) -> str:
    from rich.markup import escape

    return escape(str(value))

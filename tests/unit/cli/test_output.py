"""What people see: tables, and logs while a command has a project open."""

import logging
import sys
from pathlib import Path

import pytest

from toolcrib.cli.output import table, told

log = logging.getLogger("toolcrib.some.room")


def test_a_warning_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with told(tmp_path):
        log.warning("resource failed", extra={"resource": "pool"})
        log.info("resource opened")
        logging.getLogger("toolcrib.events").warning("tool_execution")

    assert capsys.readouterr().err == "warning: resource failed (resource pool)\n"


def test_of_a_traceback_only_the_project_s_own_lines_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scope: dict[str, object] = {}
    exec(compile("def work():\n    return 1 / 0\n", f"{tmp_path}/tools/sums@0a1b2c3d.py", "exec"), scope)
    work = scope["work"]
    assert callable(work)
    with told(tmp_path):
        try:
            work()
        except ZeroDivisionError:
            log.warning("run failed", exc_info=True)
            log.warning("resource failed", exc_info=True)

    place = "  at tools/sums.py:2 in work: "
    assert [line.rstrip() for line in capsys.readouterr().err.splitlines()] == [
        place.rstrip(),
        "warning: resource failed: ZeroDivisionError: division by zero",
        place.rstrip(),
    ]


def test_what_the_project_prints_is_put_aside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with told(tmp_path):
        sys.stdout.write("from a tool\n")

    assert capsys.readouterr() == ("", "from a tool\n")


def test_a_table_that_no_terminal_shows_is_not_cut(capsys: pytest.CaptureFixture[str]) -> None:
    table([("包裹", "x" * 300, 1), ("[b]", "two\nlines", "")], head=("name", "what", "n"))

    assert capsys.readouterr().out.splitlines() == [
        "name  what" + " " * 296 + "  n",
        "包裹  " + "x" * 300 + "  1",
        "[b]   two lines",
    ]

"""What `verify`, `deploy` and `diff` print of the gate's findings."""

import re
from pathlib import Path

import pytest

from toolcrib.cli import releasing
from toolcrib.cli.exit_codes import UsageProblem
from toolcrib.cli.history.lines import HISTORY_HEAD, history_row, show_history
from toolcrib.cli.options import Common
from toolcrib.core.reasons import Reason
from toolcrib.core.releases import Change, Deployment, Revision, Verification

ROOT = Path("shop")
LESS = Reason(code="permissions", message="tool 't' no longer asks for 'a'", file="tools/t.py", line=3, hint="Restore.")
CHANGES = (
    Change(kind="tool", name="new", change="added", verdict="safe"),
    Change(kind="tool", name="t", change="changed", detail="argument b removed", verdict="needs_pin", why="it waits"),
)
Output = pytest.CaptureFixture[str]


def test_a_tree_that_would_pass_is_shown_with_what_it_would_change(capsys: Output) -> None:
    found = Verification(
        reasons=(), against="r-1", diff=CHANGES, verdict="needs_pin", untried=("examples of t: side_effect is write",)
    )
    releasing._show(found, ROOT)
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "shop: ok",
        "against r-1: needs_pin",
        "  + tool new",
        "  ~ tool t  (argument b removed)  needs_pin: it waits",
    ]
    assert said.err == "not tried: examples of t: side_effect is write\n"


def test_a_tree_with_nothing_before_it_is_compared_with_nothing(capsys: Output) -> None:
    releasing._show(Verification(reasons=()), ROOT)
    assert capsys.readouterr().out == "shop: ok\n"


def test_what_was_accepted_is_a_warning_and_what_was_not_a_reason(capsys: Output) -> None:
    releasing._show(Verification(reasons=(), accepted=(LESS,)), ROOT)
    assert "warning[permissions]: tool 't' no longer asks for 'a'\n  --> tools/t.py:3" in capsys.readouterr().err
    releasing._show(Verification(reasons=(LESS,)), ROOT)
    said = capsys.readouterr()
    assert ("error[permissions]" in said.err, "1 reason against it" in said.err, said.out) == (True, True, "")


def test_a_deployment_is_reported_with_its_verdict_and_its_warnings(capsys: Output) -> None:
    live = Deployment(
        state="active", release="r-2", diff=CHANGES, verdict="needs_pin", accepted=(LESS,), timings_s={"total": 0.1}
    )
    releasing._report(live.to_dict(), Common())
    said = capsys.readouterr()
    assert said.out.splitlines()[0] == "r-2 is live (100 ms), needs_pin"
    assert "warning[permissions]" in said.err
    refused = Deployment(state="rejected", release="r-3", previous="r-2", reasons=(LESS,))
    releasing._report(refused.to_dict(), Common())
    assert "error[permissions]" in capsys.readouterr().err


def test_a_report_of_a_server_that_does_not_judge_is_printed_too(capsys: Output) -> None:
    releasing._report(
        {"state": "active", "release": "r-2", "timings_s": {}, "diff": [], "reasons": [], "actor": "cli"}, Common()
    )
    assert capsys.readouterr().out == "r-2 is live (0 ms)\n"


def test_only_what_can_be_accepted_is_understood() -> None:
    assert releasing._accepted(None) == []
    assert releasing._accepted(["permissions", "permissions"]) == ["permissions", "permissions"]
    with pytest.raises(UsageProblem) as raised:
        releasing._accepted(["permission"])
    assert raised.value.hint == "Did you mean 'permissions'?"


def test_a_release_is_shown_with_everything_its_deployments_tell(capsys: Output) -> None:
    sides = {"canary": {"whole": {"runs": {"ended": 20, "errors": 9}}}}
    past = (
        Deployment(state="withdrawn", release="r-2", actor="guard", why="too many fail", figures=sides, generation=3),
        Deployment(
            state="canary",
            release="r-2",
            previous="r-1",
            generation=2,
            diff=CHANGES,
            verdict="needs_pin",
            accepted=(LESS,),
            timings_s={"verify": 0.05, "total": 0.0812},
            actor="upload",
            who="ann@laptop",
            git=Revision(commit="0123456789abcdef", branch="main", dirty=True),
            why="new words",
        ),
        Deployment(state="rejected", release="r-2", reasons=(LESS,), actor="cli"),
    )
    found = {"id": "r-2", "digest": "2" * 64, "state": "draining", "at": 0.0, "files": {"a.py": ""}, "current": False}
    show_history(found | {"leases": {"run": 2}, "deployments": [one.to_dict() for one in past]})
    lines = re.sub(r"[\d-]{10} [\d:]{8}", "WHEN", capsys.readouterr().out).splitlines()
    assert lines == [
        "r-2  draining",
        f"digest   {'2' * 64}",
        "arrived  WHEN, 1 file",
        "in use   2 run",
        "",
        "WHEN  withdrawn (guard), generation 3",
        "  why      too many fail",
        "  canary   20 runs, 9 failed",
        "",
        "WHEN  canary (upload by ann@laptop), generation 2",
        "  why      new words",
        "  commit   0123456789ab on main, with changes of its own",
        "  beside   r-1",
        "  verdict  needs_pin",
        "  took     verify 50 ms, total 81 ms",
        "  + tool new",
        "  ~ tool t  (argument b removed)  needs_pin: it waits",
        "  accepted tools/t.py:3 tool 't' no longer asks for 'a'",
        "",
        "WHEN  rejected (cli), generation 0",
        "  refused  tools/t.py:3 tool 't' no longer asks for 'a'",
    ]


def test_a_line_of_the_history_tells_who_and_from_where() -> None:
    row = history_row(Deployment(state="active", release="r-2", actor="upload", who="ann@laptop", why="so").to_dict())
    assert row[1:] == ("active", "r-2", "upload", "ann@laptop", "so")
    assert len(row) == len(HISTORY_HEAD)
    assert history_row({"at": 0.0, "state": "active", "release": "r-1", "actor": "cli", "why": ""})[4] == "", (
        "older ones"
    )

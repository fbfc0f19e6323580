"""How a command ends: the exit code, and what it says on which stream."""

import json
from typing import Any, NoReturn

import pytest

from toolcrib.cli.exit_codes import UsageProblem
from toolcrib.cli.options import ended
from toolcrib.core.errors import DeploymentRejected, RunFailed
from toolcrib.core.reasons import Reason
from toolcrib.runtime.signals import Stopped

REASON = Reason(code="syntax", message="invalid syntax", file="tools/a.py", line=1, column=7)
FAILURES: list[tuple[BaseException, int, str]] = [
    (UsageProblem("Which tool?", hint="Add its name."), 2, "usage"),
    (DeploymentRejected("It was rejected.", reasons=[REASON]), 3, "deployment_rejected"),
    (RunFailed("It broke."), 1, "run_failed"),
    (FileNotFoundError(2, "No such file", "/nowhere"), 1, "toolcrib_error"),
    (Stopped(15), 143, "interrupted"),
]


def failing(error: BaseException) -> Any:
    def work() -> NoReturn:
        raise error

    return work


@pytest.mark.parametrize(("error", "code", "name"), FAILURES)
def test_with_json_a_failure_is_one_line_of_json_on_stderr(
    error: BaseException, code: int, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(failing(error), as_json=True) == code

    out, err = capsys.readouterr()
    problem = json.loads(err)
    assert (out, err.count("\n"), problem["code"]) == ("", 1, name)
    assert problem.keys() == {"code", "message", "hint", "reasons"}
    assert [reason["line"] for reason in problem["reasons"]] == [1] * (name == "deployment_rejected")


@pytest.mark.parametrize(("error", "code", "name"), FAILURES)
def test_without_it_a_failure_is_told_to_people(
    error: BaseException, code: int, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(failing(error)) == code

    out, err = capsys.readouterr()
    assert (out, "Traceback" in err, name in err) == ("", False, False)


def test_an_interrupted_command_says_no_more_than_that(capsys: pytest.CaptureFixture[str]) -> None:
    ended(failing(Stopped(2)))

    assert capsys.readouterr().err == "Interrupted.\n"

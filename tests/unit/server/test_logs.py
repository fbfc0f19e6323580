"""Logs of the server process: one JSON object a line when nobody watches."""

import io
import json
import logging
import sys

import pytest

from toolcrib.core.redaction import Secrets
from toolcrib.server.logs import configure_logs

pytestmark = pytest.mark.usefixtures("loggers_as_they_were")


def test_a_record_is_one_json_line_with_its_own_keys(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(for_people=False, guard=Secrets({}).log_filter)
    logging.getLogger("toolcrib.server").info("request", extra={"status": 200, "path": "/ok"})
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["level"], line["status"], line["path"]) == ("request", "info", 200, "/ok")
    assert line["timestamp"].endswith("Z")


def test_a_traceback_is_data_in_the_same_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(for_people=False, guard=Secrets({}).log_filter)
    try:
        raise ValueError("no")
    except ValueError:
        logging.getLogger("toolcrib.server").exception("request failed")
    line = json.loads(capsys.readouterr().err)
    assert line["exception"][0]["exc_type"] == "ValueError"


def test_a_traceback_does_not_show_the_values_of_variables(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(for_people=False, guard=Secrets({}).log_filter)
    secret = "hun" + "ter2"
    try:
        raise ValueError(f"no {len(secret)}")
    except ValueError:
        logging.getLogger("toolcrib.server").exception("request failed")
    assert secret not in capsys.readouterr().err


def test_configuring_twice_writes_each_line_once(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(for_people=False, guard=Secrets({}).log_filter)
    configure_logs(for_people=False, guard=Secrets({}).log_filter)
    logging.getLogger("x").warning("once")
    assert len(capsys.readouterr().err.splitlines()) == 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def write_both() -> None:
    logging.getLogger("toolcrib.events").info("tool_execution", extra={"tool": "greet", "outcome": "ok"})
    logging.getLogger("toolcrib.releases").warning("deployment", extra={"outcome": "rejected"})


def test_people_at_a_terminal_read_of_calls_and_hear_of_deployments_in_other_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    configure_logs(for_people=True, guard=Secrets({}).log_filter)
    write_both()
    (line,) = terminal.getvalue().splitlines()
    assert "tool_execution" in line
    assert not line.startswith("{")


@pytest.mark.parametrize(("for_people", "where"), [(False, Terminal), (True, io.StringIO)])
def test_machines_read_json_also_at_a_terminal_and_people_in_a_file(
    for_people: bool, where: type[io.StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    written = where()
    monkeypatch.setattr(sys, "stderr", written)
    configure_logs(for_people=for_people, guard=Secrets({}).log_filter)
    write_both()
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["tool_execution", "deployment"]


def test_numbers_and_texts_that_few_json_writers_like_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(for_people=False, guard=Secrets({}).log_filter)
    logging.getLogger("x").warning("odd", extra={"big": 2**80, "half": "\ud800", "thing": {1, 2}})
    line = json.loads(capsys.readouterr().err)
    assert (line["big"], line["thing"]) == (2**80, "{1, 2}")


def test_whoever_writes_no_line_shows_a_known_secret(capsys: pytest.CaptureFixture[str]) -> None:
    secrets = Secrets({"KEY": "hunter2-hunter2"})
    secrets.know(["KEY"])
    configure_logs(for_people=False, guard=secrets.log_filter)
    try:
        try:
            raise OSError("hunter2-hunter2")
        except OSError as cause:
            raise ValueError("no hunter2-hunter2") from cause
    except ValueError:
        logging.getLogger("the.project").exception("failed with %s", "hunter2-hunter2", extra={"k": "hunter2-hunter2"})
    told = capsys.readouterr().err
    assert "hunter2" not in told
    line = json.loads(told)
    assert (line["event"], line["k"]) == ("failed with [secret:KEY]", "[secret:KEY]")
    assert [one["exc_value"] for one in line["exception"]] == ["no [secret:KEY]", "[secret:KEY]"]

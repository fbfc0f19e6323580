"""Logs of the server process: one JSON object a line when nobody watches."""

import json
import logging
from collections.abc import Iterator

import pytest

from toolcrib.server.logs import configure_logs


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """The loggers as they were."""
    names = ("", "httpx", "watchfiles", "aiosqlite", "asyncio", "uvicorn.error", "toolcrib.events")
    loggers = [logging.getLogger(name) for name in names]
    before = [(logger, logger.level, logger.handlers[:]) for logger in loggers]
    yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


def test_a_record_is_one_json_line_with_its_own_keys(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(for_people=False)
    logging.getLogger("toolcrib.server").info("request", extra={"status": 200, "path": "/ok"})
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["level"], line["status"], line["path"]) == ("request", "info", 200, "/ok")
    assert line["timestamp"].endswith("Z")


def test_a_traceback_is_data_in_the_same_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(for_people=False)
    try:
        raise ValueError("no")
    except ValueError:
        logging.getLogger("toolcrib.server").exception("request failed")
    line = json.loads(capsys.readouterr().err)
    assert line["exception"][0]["exc_type"] == "ValueError"


def test_a_traceback_does_not_show_the_values_of_variables(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(for_people=False)
    secret = "hun" + "ter2"
    try:
        raise ValueError(f"no {len(secret)}")
    except ValueError:
        logging.getLogger("toolcrib.server").exception("request failed")
    assert secret not in capsys.readouterr().err


def test_configuring_twice_writes_each_line_once(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(for_people=False)
    configure_logs(for_people=False)
    logging.getLogger("x").warning("once")
    assert len(capsys.readouterr().err.splitlines()) == 1

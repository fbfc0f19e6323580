"""Events in the log: constant messages, structured keys, a level that says how bad it is."""

import logging

import pytest

from toolcrib.core.events import (
    Deployed,
    Event,
    ReleaseRetired,
    RunFinished,
    RunStarted,
    TaskFinished,
    TaskProgressed,
    TaskStarted,
    ToolFinished,
    ToolStarted,
)
from toolcrib.core.releases import Deployment
from toolcrib.core.results import ErrorInfo, RunResult, ToolResult
from toolcrib.observability.logs import log_event

ERROR = ErrorInfo(code="c", message="m")


@pytest.mark.parametrize(
    ("event", "level"),
    [
        (ToolStarted(tool="t", call_id="c", release="r"), logging.DEBUG),
        (RunStarted(run_id="r", thread_id="t", agent="a", release="r"), logging.DEBUG),
        (ToolFinished(result=ToolResult(ok=True, value="secret")), logging.INFO),
        (ToolFinished(result=ToolResult(ok=False, error=ERROR)), logging.WARNING),
        (RunFinished(result=RunResult(output="secret", success=True), agent="a"), logging.INFO),
        (RunFinished(result=RunResult(output=None, success=False, error=ERROR), agent="a"), logging.WARNING),
        (TaskStarted(task="1", tool="t", release="r"), logging.DEBUG),
        (TaskProgressed(task="1", tool="t", progress=0.5), logging.DEBUG),
        (TaskFinished(task="1", tool="t", state="succeeded"), logging.INFO),
        (TaskFinished(task="1", tool="t", state="cancelled"), logging.INFO),
        (TaskFinished(task="1", tool="t", state="skipped"), logging.INFO),
        (TaskFinished(task="1", tool="t", state="failed"), logging.WARNING),
        (TaskFinished(task="1", tool="t", state="in_doubt"), logging.WARNING),
        (Deployed(deployment=Deployment(state="active", release="r")), logging.INFO),
        (Deployed(deployment=Deployment(state="rejected", release="r")), logging.WARNING),
        (ReleaseRetired(release="r"), logging.INFO),
    ],
    ids=lambda value: value.name if hasattr(value, "to_dict") else "",
)
def test_an_event_is_logged_with_its_name_data_and_level(
    event: Event, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="toolcrib.events"):
        log_event(event)
    (record,) = caplog.records
    assert (record.name, record.levelno, record.getMessage()) == ("toolcrib.events", level, event.name)
    assert record.__dict__["toolcrib"] == event.to_dict()
    assert "secret" not in str(record.__dict__)


def test_what_nobody_wants_to_see_is_not_written(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="toolcrib.events"):
        log_event(ReleaseRetired(release="r"))
    assert caplog.records == []

"""A guard on our own loggers, and on nobody else's."""

import logging

import pytest

from toolcrib.core.redaction import Secrets
from toolcrib.observability.own_loggers import guarded_loggers

VALUE = "hunter2-hunter2"
OURS = ("toolcrib.events", "toolcrib.observability.hub", "toolcrib.tools")


def test_what_our_loggers_write_is_guarded_as_long_as_the_block_lasts(caplog: pytest.LogCaptureFixture) -> None:
    secrets = Secrets({"KEY": VALUE})
    secrets.know(["KEY"])
    loggers = [logging.getLogger(name) for name in (*OURS, "toolcribs.not.ours", "the.host")]
    before = [list(logger.filters) for logger in loggers]
    with guarded_loggers(secrets.log_filter):
        for logger in loggers:
            logger.warning("key %s", VALUE)
    assert [list(logger.filters) for logger in loggers] == before
    assert [record.getMessage() for record in caplog.records] == [
        *["key [secret:KEY]"] * len(OURS),
        *[f"key {VALUE}"] * 2,
    ]


def test_two_open_projects_guard_their_own_secrets(caplog: pytest.LogCaptureFixture) -> None:
    first, second = Secrets({"ONE": VALUE}), Secrets({"TWO": "other-other"})
    first.know(["ONE"])
    second.know(["TWO"])
    log = logging.getLogger(OURS[0])
    with guarded_loggers(first.log_filter):
        with guarded_loggers(second.log_filter):
            log.warning("%s %s", VALUE, "other-other")
        log.warning("%s %s", VALUE, "other-other")
    assert [record.getMessage() for record in caplog.records] == [
        "[secret:ONE] [secret:TWO]",
        "[secret:ONE] other-other",
    ]

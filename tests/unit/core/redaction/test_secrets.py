"""`Secrets`: what was read is known, and gone from texts, values, errors and log records."""

import io
import logging
from collections.abc import Iterator

import pytest

from toolcrib.core.redaction import Secrets

VALUE = "hunter2-hunter2"


@pytest.fixture
def env() -> dict[str, str]:
    return {"API_KEY": VALUE, "OTHER": "not-asked-for", "EMPTY": "", "PIN": "42"}


@pytest.fixture
def secrets(env: dict[str, str]) -> Secrets:
    made = Secrets(env)
    made.know(["API_KEY", "EMPTY", "MISSING", "PIN"])
    return made


def test_what_was_read_is_replaced_by_its_name_and_nothing_else_is(secrets: Secrets) -> None:
    assert secrets.scrub(f"no {VALUE} not-asked-for") == "no [secret:API_KEY] not-asked-for"
    assert secrets.clean({"a": [VALUE]}) == {"a": ["[secret:API_KEY]"]}
    assert secrets.scrub("42 of 420") == "[secret:PIN] of 420"


def test_nothing_is_known_before_it_was_read(env: dict[str, str]) -> None:
    secrets = Secrets(env)
    assert secrets.scrub(VALUE) == VALUE
    assert "API_KEY" in secrets  # looking is reading
    assert secrets.scrub(VALUE) == "[secret:API_KEY]"
    assert secrets.scrub(env["OTHER"]) == env["OTHER"]


def test_it_reads_like_the_environment_it_stands_for(secrets: Secrets, env: dict[str, str]) -> None:
    assert dict(secrets) == env
    assert secrets.get("MISSING") is None
    assert "MISSING" not in secrets
    assert len(secrets) == 4


def test_a_value_that_was_changed_since_is_still_known(secrets: Secrets, env: dict[str, str]) -> None:
    env["API_KEY"] = "rotated-rotated"
    assert secrets["API_KEY"] == "rotated-rotated"
    assert secrets.scrub(f"{VALUE} rotated-rotated") == "[secret:API_KEY] [secret:API_KEY]"


def test_errors_are_cleaned(secrets: Secrets) -> None:
    fine = ValueError("fine")
    assert secrets.without(fine) is fine
    assert str(secrets.without(ValueError(VALUE))) == "[secret:API_KEY]"


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter("%(message)s %(extra)s", defaults={"extra": ""}))
    logger = logging.Logger("test")
    logger.addHandler(handler)
    yield logger, written
    handler.close()


def test_a_log_record_is_written_without_secrets(secrets: Secrets, log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, written = log
    logger.addFilter(secrets.log_filter)
    try:
        raise ValueError(f"no {VALUE}") from OSError(VALUE)
    except ValueError:
        logger.exception("failed with %s", VALUE, extra={"extra": {"header": VALUE}}, stack_info=True)
    told = written.getvalue()
    assert VALUE not in told
    assert told.startswith("failed with [secret:API_KEY] {'header': '[secret:API_KEY]'}")
    assert "ValueError: no [secret:API_KEY]" in told
    assert "OSError: [secret:API_KEY]" in told
    assert told.count("[secret:API_KEY]") == 4


def test_a_record_with_nothing_to_hide_stays_as_it_is(secrets: Secrets) -> None:
    error = ValueError("fine")
    record = logging.makeLogRecord({"msg": "a %s", "args": ("b",), "exc_info": (ValueError, error, None), "count": 42})
    facts = dict(vars(record))
    assert secrets.log_filter.filter(record)
    assert vars(record) == facts | {"count": "[secret:PIN]"}


def test_a_record_with_a_wrong_format_passes(secrets: Secrets) -> None:
    record = logging.makeLogRecord({"msg": "a %d", "args": ("b",)})
    assert secrets.log_filter.filter(record)

"""`Secrets`: the secret values this process has read, and taking them out of texts, values, errors and log records."""

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from toolcrib.core.redaction.errors import without
from toolcrib.core.redaction.texts import Scrub, scrub_value, scrubber

_OF_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({})))


class Secrets(Mapping[str, str]):
    """An environment as the place where secrets are read: what was read there is known, also when it changes later.

    Safe for use in any thread.

    Attributes:
        env: the environment itself, for what is no secret.
        log_filter: takes what is known out of log records; for handlers.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self._known: dict[str, str] = {}
        self._scrub: Scrub | None = None
        self._lock = threading.Lock()
        self.log_filter = SecretFilter(self)

    def __getitem__(self, name: str) -> str:
        value = self.env[name]
        if value and value not in self._known:
            with self._lock:
                self._known[value] = f"[secret:{name}]"
                self._scrub = scrubber(self._known)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self.env)

    def __len__(self) -> int:
        return len(self.env)

    def know(self, names: Iterable[str]) -> None:
        """Read these, as far as they are set."""
        for name in names:
            self.get(name)

    def scrub(self, text: str) -> str:
        """The text with `[secret:NAME]` in place of each known value."""
        return text if self._scrub is None else self._scrub(text)

    def clean(self, value: Any) -> Any:
        """The value with all its texts scrubbed; see `scrub_value`."""
        return value if self._scrub is None else scrub_value(value, self._scrub)

    def without(self, error: BaseException) -> BaseException:
        """The error with its texts scrubbed, or itself; see `without`."""
        return error if self._scrub is None else without(error, self._scrub)

    def clean_record(self, record: logging.LogRecord) -> None:
        """Scrub a log record: its message, its exception with the causes, and what was given as `extra`."""
        if self._scrub is None:
            return
        with suppress(Exception):  # a wrong format, which the handler will complain of
            message = record.getMessage()
            if (clean := self.scrub(message)) != message:
                record.msg, record.args = clean, None
        if record.exc_info and (error := record.exc_info[1]) is not None:
            told = self.without(error)
            if told is not error:
                record.exc_info, record.exc_text = (type(told), told, told.__traceback__), None
        if record.stack_info:
            record.stack_info = self.scrub(record.stack_info)
        for name in vars(record).keys() - _OF_EVERY_RECORD:
            setattr(record, name, self.clean(getattr(record, name)))


class SecretFilter(logging.Filter):
    """Lets every record pass, but without the secrets; see `Secrets.clean_record`."""

    def __init__(self, secrets: Secrets) -> None:
        super().__init__()
        self._secrets = secrets

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean the record."""
        self._secrets.clean_record(record)
        return True

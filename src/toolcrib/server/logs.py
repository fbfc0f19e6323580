"""Logs of the server process: JSON lines, or lines for people on a terminal. Libraries only write; this decides."""

import logging
import sys
from typing import Any

import structlog

from toolcrib.server.encoding import encode


def configure_logs(*, for_people: bool, guard: logging.Filter) -> None:
    """Send what all libraries log to stderr, one record a line. Keys given as `extra` are kept.

    Args:
        for_people: readable lines if stderr is a terminal, and only what is worth one; else JSON objects.
        guard: takes out of each record, whoever wrote it, what must not be shown.
    """
    terminal = for_people and sys.stderr.isatty()
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,  # the request's id
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    plain = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)  # locals hold arguments and secrets
    last: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if terminal
        else [structlog.processors.ExceptionRenderer(plain), structlog.processors.JSONRenderer(serializer=_json)]
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    handler.addFilter(guard)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING if terminal else logging.INFO)
    for noisy in ("httpx", "watchfiles", "aiosqlite", "asyncio", "uvicorn.error"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("toolcrib.events").setLevel(logging.INFO)
    # Whoever writes a tool wants to see where it raised; in production the message may quote what it was given.
    logging.getLogger("toolcrib.execution").setLevel(logging.DEBUG if for_people else logging.INFO)
    # A terminal is told of deployments in other words.
    logging.getLogger("toolcrib.releases").setLevel(logging.ERROR if terminal else logging.INFO)


def _json(record: Any, **_: Any) -> str:
    return encode(record).decode()

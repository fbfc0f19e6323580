"""Logs of the server process: JSON lines, or lines for people on a terminal. Libraries only write; this decides."""

import logging
import sys

import structlog


def configure_logs() -> None:
    """Send what all libraries log to stderr: JSON when it is not a terminal. Keys given as `extra` are kept."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    terminal = sys.stderr.isatty()
    plain = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)  # locals hold arguments and secrets
    last: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if terminal
        else [structlog.processors.ExceptionRenderer(plain), structlog.processors.JSONRenderer()]
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING if terminal else logging.INFO)
    for noisy in ("httpx", "watchfiles", "aiosqlite", "asyncio", "uvicorn.error"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    if terminal:
        logging.getLogger("toolcrib.events").setLevel(logging.ERROR)  # a terminal is told in other words

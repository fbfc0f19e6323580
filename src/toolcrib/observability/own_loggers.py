"""Our own loggers, whatever the host does with what they write."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

NAME = "toolcrib"


@contextmanager
def guarded_loggers(guard: logging.Filter) -> Iterator[None]:
    """Put a filter on every logger of ours there is, as long as the block lasts.

    On each of them: a filter of a logger is not asked about the records of those below it
    (https://docs.python.org/3/library/logging.html#filter-objects).
    """
    names = [name for name in logging.getLogger().manager.loggerDict if name == NAME or name.startswith(f"{NAME}.")]
    loggers = [logging.getLogger(name) for name in names]
    for logger in loggers:
        logger.addFilter(guard)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(guard)

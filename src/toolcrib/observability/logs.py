"""Events as log records: structured keys, constant messages, no arguments and no results."""

import logging

from toolcrib.core.events import (
    BreakerChanged,
    Deployed,
    Event,
    ReleaseRetired,
    RunFinished,
    RunStarted,
    ToolFinished,
    ToolStarted,
)

log = logging.getLogger("toolcrib.events")


def log_event(event: Event) -> None:
    """Write one event to the `toolcrib.events` logger; a library only writes, the host decides what is shown."""
    match event:
        case ToolStarted() | RunStarted():
            level = logging.DEBUG
        case ToolFinished() | RunFinished():
            level = logging.INFO if event.result.error is None else logging.WARNING
        case Deployed():
            level = logging.WARNING if event.deployment.state == "rejected" else logging.INFO
        case ReleaseRetired():
            level = logging.INFO
        case BreakerChanged():
            level = logging.WARNING if event.state == "open" else logging.INFO
    if log.isEnabledFor(level):
        log.log(level, event.name, extra={"toolcrib": event.to_dict()})

"""Events as log records: structured keys, constant messages, no arguments and no results."""

import logging

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

log = logging.getLogger("toolcrib.events")


def log_event(event: Event) -> None:
    """Write one event to the `toolcrib.events` logger; a library only writes, the host decides what is shown."""
    match event:
        case ToolStarted() | RunStarted() | TaskStarted() | TaskProgressed():
            level = logging.DEBUG
        case ToolFinished() | RunFinished():
            level = logging.INFO if event.result.error is None else logging.WARNING
        case TaskFinished():
            level = logging.WARNING if event.state in ("failed", "in_doubt") else logging.INFO
        case Deployed():
            level = logging.WARNING if event.deployment.state == "rejected" else logging.INFO
        case ReleaseRetired():
            level = logging.INFO
    if log.isEnabledFor(level):
        log.log(level, event.name, extra={"toolcrib": event.to_dict()})

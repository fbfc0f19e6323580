"""An event sink that remembers."""

from typing import TypeVar

from toolcrib.core.events import Event

E = TypeVar("E", bound=Event)


class RecordingEvents:
    """`EventSink` that keeps every event.

    Attributes:
        active: what `wants` says of every kind; emitters save themselves the making of events while it is False.
        events: everything emitted, in order.
    """

    def __init__(self, *, active: bool = True) -> None:
        self.active = active
        self.events: list[Event] = []

    def wants(self, kind: type[Event]) -> bool:
        """See `EventSink.wants`."""
        return self.active

    def emit(self, event: Event) -> None:
        """See `EventSink.emit`."""
        self.events.append(event)

    def of(self, kind: type[E]) -> list[E]:
        """The events of one kind, in order."""
        return [event for event in self.events if isinstance(event, kind)]

    def names(self) -> list[str]:
        """The names of all events, in order."""
        return [event.name for event in self.events]

"""What the links of a chain may use of the world, handed to each as one value."""

from dataclasses import dataclass

from toolcrib.core.ports import Clock, EventSink, Random, Resources, Runner


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainPorts:
    """The ports of a chain.

    Attributes:
        inline: runs coroutine tools on the event loop.
        threads: runs synchronous tools in worker threads.
        resources: lends tools what they need beside their arguments.
    """

    clock: Clock
    random: Random
    events: EventSink
    inline: Runner
    threads: Runner
    resources: Resources

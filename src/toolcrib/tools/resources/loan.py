"""What one call has borrowed."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from toolcrib.core.calls import ToolContext
from toolcrib.core.tools import Tool


class Borrowed:
    """A `Loan`: ends once, on the event loop, and not before watched code has returned."""

    def __init__(self, values: Mapping[str, Any], give_back: Callable[[], None]) -> None:
        self._values = values
        self._give_back: Callable[[], None] | None = give_back
        self._lock = threading.Lock()
        self._running = 0
        self._ended = False

    @property
    def values(self) -> Mapping[str, Any]:
        """See `Loan.values`."""
        return self._values

    def watch(self, tool: Tool) -> Tool:
        """See `Loan.watch`."""
        loop = asyncio.get_running_loop()

        def run(args: Mapping[str, Any], context: ToolContext) -> Any:
            with self._lock:
                if self._ended:  # its caller went away before a thread was free: the values may be others' by now
                    raise RuntimeError("the call was over before its code began")
                self._running += 1
            try:
                return tool.run(args, context)
            finally:
                with self._lock:
                    self._running -= 1
                    is_last = self._ended and not self._running
                if is_last and not loop.is_closed():
                    loop.call_soon_threadsafe(self._finish)

        return replace(tool, run=run)

    def end(self) -> None:
        """See `Loan.end`."""
        with self._lock:
            self._ended = True
            is_last = not self._running
        if is_last:
            self._finish()

    def _finish(self) -> None:
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            give_back()

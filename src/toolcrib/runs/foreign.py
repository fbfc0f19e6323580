"""Pins for graph runs that toolcrib did not start: one release for all tool calls of one run."""

import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from toolcrib.agents.scope import RunScope

_OUR_REFERENCES = 3
"""The entry, the loop variable and the argument of `getrefcount`; while a run lasts LangGraph holds more."""


@dataclass(frozen=True, slots=True)
class _Entry:
    control: Any
    scope: RunScope
    leases: ExitStack


class ForeignRuns:
    """Scopes by run.

    LangGraph gives all nodes of one run the same `Runtime.control`: when nobody but us holds that object any more, the
    run is over. (It cannot be weakly referenced, so its references are counted.)
    """

    def __init__(self) -> None:
        self._entries: dict[int, _Entry] = {}

    def scope(self, control: Any, make: Callable[[ExitStack], RunScope]) -> RunScope:
        """The scope of the run with this control; `make` is asked for one when the run is new, and takes its leases."""
        entry = self._entries.get(id(control))
        if entry is None:
            self.sweep()
            leases = ExitStack()
            entry = self._entries[id(control)] = _Entry(control, make(leases), leases)
        return entry.scope

    def sweep(self) -> None:
        """Let go of the releases of runs that are over."""
        over = []
        for key, entry in self._entries.items():
            if sys.getrefcount(entry.control) <= _OUR_REFERENCES:
                over.append(key)
        for key in over:
            self._entries.pop(key).leases.close()

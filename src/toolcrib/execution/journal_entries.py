"""Journal entries: under which key a call stands in the journal, what tells it from another one, what is kept of it."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from pydantic_core import to_json

from toolcrib.core.errors import ToolFailed
from toolcrib.core.ports import JournalEntry
from toolcrib.core.redaction import Mask, hides, texts_of
from toolcrib.core.results import ErrorInfo, ToolResult
from toolcrib.core.wire.graph_values import is_for_graph
from toolcrib.execution.ports import GraphValues

log = logging.getLogger(__name__)
FOR_GRAPH = "__toolcrib_for_graph"
"""The only key of a value that stands for what a tool returned to LangGraph."""


def journal_key(tool: str, *, tenant: str, idempotency_key: str) -> str:
    """Each tool and each tenant has keys of its own."""
    return _digest([tenant, tool, idempotency_key])


def journal_entry(
    tool: str, args: Mapping[str, Any], *, tenant: str, idempotency_key: str, release: str, now: float, mask: Mask
) -> JournalEntry:
    """The entry of a call that begins now, with these validated arguments; `mask` is what of them is sensitive."""
    # Secret types do not tell their values to JSON, and two calls that differ in them are not the same.
    told = [dict(args), [*texts_of(args, mask)]] if hides(mask) else dict(args)
    return JournalEntry(
        key=journal_key(tool, tenant=tenant, idempotency_key=idempotency_key),
        tool=tool,
        tenant=tenant,
        args_digest=_digest(told),
        release=release,
        began_at=now,
    )


def _digest(value: Any) -> str:
    return blake2b(to_json(value, fallback=repr, inf_nan_mode="strings"), digest_size=32).hexdigest()


class Keeping:
    """Results as they stand in the journal: what a tool returned to LangGraph is no JSON, and must come back whole."""

    def __init__(self, values: GraphValues | None) -> None:
        self._values = values

    def storable(self, result: ToolResult) -> ToolResult:
        """The result to write down. Of one that cannot be, that the call has succeeded: it must not run again."""
        if not is_for_graph(result.value):
            return result
        text: str | None = None
        if self._values is not None:
            try:
                text = self._values.dump(result.value)
            except Exception:  # outer guard: commands may hold anything
                log.warning("result could not be written down", extra={"tool": result.tool}, exc_info=True)
        return replace(result, value={FOR_GRAPH: text})

    def restored(self, result: ToolResult) -> ToolResult:
        """The result as it was; an error where the value is lost."""
        if not (isinstance(result.value, dict) and result.value.keys() == {FOR_GRAPH}):
            return result
        text = result.value[FOR_GRAPH]
        if self._values is not None and text is not None:
            try:
                return replace(result, value=self._values.load(text))
            except Exception:  # outer guard: what it holds may be of a class that is gone
                log.warning("result could not be read", extra={"tool": result.tool}, exc_info=True)
        lost = ToolFailed(
            f"This call of tool {result.tool!r} took effect before; what it returned to the graph could not be kept.",
            hint="It is not repeated. Return plain values in the update of a Command.",
        )
        return replace(result, ok=False, value=None, error=ErrorInfo.of(lost))

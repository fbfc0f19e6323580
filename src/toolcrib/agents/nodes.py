"""Events of an agent's graph nodes, from what LangGraph tells of its tasks; what nodes take and give stays out."""

from collections.abc import Mapping
from typing import Any

from toolcrib.agents.scope import RunScope
from toolcrib.core.events import NodeFinished, NodeStarted


class NodeWatch:
    """Tells of the nodes of one turn; `see` takes the chunks of LangGraph's stream mode `tasks`.

    Attributes:
        paused_at: names of the nodes that wait for a human.
    """

    def __init__(self, scope: RunScope) -> None:
        self._scope = scope
        self._began: dict[str, float] = {}
        self.paused_at: tuple[str, ...] = ()

    def see(self, chunk: Mapping[str, Any]) -> None:
        """A node begins (the chunk has its input) or has ended (it has its result)."""
        scope, now = self._scope, self._scope.clock.monotonic()
        if "result" not in chunk:
            self._began[chunk["id"]] = now
            scope.emit(
                NodeStarted(
                    node=chunk["name"],
                    run_id=scope.run_id,
                    thread_id=scope.thread_id,
                    agent=scope.agent,
                    release=scope.release.id,
                    tenant=scope.tenant,
                )
            )
            return
        if chunk["interrupts"]:
            self.paused_at += (chunk["name"],)
        scope.emit(
            NodeFinished(
                node=chunk["name"],
                run_id=scope.run_id,
                thread_id=scope.thread_id,
                agent=scope.agent,
                release=scope.release.id,
                outcome="error" if chunk["error"] is not None else "interrupted" if chunk["interrupts"] else "ok",
                duration_s=now - self._began.pop(chunk["id"], now),
                tenant=scope.tenant,
            )
        )

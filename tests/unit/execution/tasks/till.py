"""A tool that asks for a person when it fails, and direct calls of it."""

from typing import Any

from tests.unit.execution.tasks.grounds import Crew, Ground
from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.results import ToolResult
from toolcrib.core.tasks import TaskRecord
from toolcrib.testing import make_tool


class Till:
    """A tool that pays unless a test breaks it, in a place where tasks run; `on_error` asks for a person."""

    def __init__(self, ground: Ground | None = None, **policy: Any) -> None:
        self.ground = ground or Ground()
        self.raises: BaseException | None = ConnectionError("down")
        self.paid = 0

        async def pay(amount: int = 1) -> dict[str, int]:
            if self.raises:
                raise self.raises
            self.paid += 1
            return {"paid": self.paid}

        async def other() -> str:
            return "other"

        tool = make_tool(pay, **{"on_error": {"*": "manual"}, **policy})
        self.release_id = self.ground.serve(tool, make_tool(other))

    async def call(self, crew: Crew, key: str = "", *, tenant: str = "", **args: Any) -> ToolResult:
        """A direct call, as the facade makes it."""
        release = self.ground.registry.current.release
        call, context = ToolCall(name="pay", args=args, idempotency_key=key), CallContext(tenant=tenant)
        result = await self.ground.bench.executor.call(release, call, context)
        return await crew.service.park(release, call, context, result)

    async def parked(self, crew: Crew, key: str = "", **more: Any) -> TaskRecord:
        """The task in which a direct call that failed waits."""
        result = await self.call(crew, key, **more)
        assert result.error is not None
        return await crew.service.status(result.error.task)

"""Inline: the tool's coroutine runs on the caller's event loop; a cancelled call is a cancelled coroutine."""

import asyncio
import inspect
from collections.abc import Mapping
from typing import Any

from toolcrib.core.calls import ToolContext
from toolcrib.core.tools import Tool


class InlineRunner:
    """Runs coroutine tools, and sync tools that declare `isolation: inline`, on the event loop."""

    async def run(self, tool: Tool, args: Mapping[str, Any], context: ToolContext) -> Any:
        """Run the tool here and now.

        Raises:
            RuntimeError: the tool tried to end the process, or what it waited for was cancelled; asyncio would end the
                server for the one, and take the other for a cancelled caller.
        """
        try:
            value = tool.run(args, context)
            return await value if inspect.isawaitable(value) else value
        except SystemExit as error:
            raise RuntimeError(f"SystemExit: {error}") from error
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise RuntimeError("CancelledError: something the tool waited for was cancelled") from error

"""Inline: the tool's coroutine runs on the caller's event loop; a cancelled call is a cancelled coroutine."""

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
            RuntimeError: the tool tried to end the process; asyncio would let that end the server.
        """
        try:
            value = tool.run(args, context)
            return await value if inspect.isawaitable(value) else value
        except SystemExit as error:
            raise RuntimeError(f"SystemExit: {error}") from error

"""Inline: the tool's coroutine runs on the caller's event loop; a cancelled call is a cancelled coroutine."""

import asyncio
import inspect
from collections.abc import Mapping
from typing import Any

from toolcrib.core.calls import ToolContext
from toolcrib.core.tools import Tool
from toolcrib.runners.raised import speakable


class InlineRunner:
    """Runs coroutine tools, and sync tools that declare `isolation: inline`, on the event loop."""

    async def run(self, tool: Tool, args: Mapping[str, Any], context: ToolContext) -> Any:
        """Run the tool here and now.

        Raises:
            RuntimeError: the tool raised what is no `Exception`, or what it waited for was cancelled; asyncio would end
                the server for the one, and take the other for a cancelled caller. A Ctrl-C does not come this way: the
                loop's runner cancels its main task.
            Exception: whatever else the tool raises.
        """
        try:
            value = tool.run(args, context)
            return await value if inspect.isawaitable(value) else value
        except GeneratorExit:  # this coroutine itself is closed
            raise
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise RuntimeError("CancelledError: something the tool waited for was cancelled") from error
        except BaseException as error:  # outer guard: the tool's code is not ours
            if isinstance(error, Exception):
                raise
            raise speakable(error) from error

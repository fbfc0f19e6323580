"""toolcrib: a production runtime for the tools, prompts, agents and graphs of LangGraph applications.

Importing it loads no framework: what needs one is imported when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from toolcrib.core.calls import ToolCall, ToolContext
from toolcrib.core.decorator import tool
from toolcrib.core.errors import DeploymentRejected, ToolcribError, ToolError
from toolcrib.core.policies import Retry
from toolcrib.core.releases import Deployment
from toolcrib.core.results import RunResult, ToolResult

if TYPE_CHECKING:
    from toolcrib.agents.tool_node import ToolNode
    from toolcrib.runtime.build import open_project as open
    from toolcrib.runtime.crib import Crib
    from toolcrib.runtime.sync import open_sync

__all__ = [
    "Crib",
    "Deployment",
    "DeploymentRejected",
    "Retry",
    "RunResult",
    "ToolCall",
    "ToolContext",
    "ToolError",
    "ToolNode",
    "ToolResult",
    "ToolcribError",
    "open",
    "open_sync",
    "tool",
]


def __getattr__(name: str) -> Any:
    """Names that need a framework, loaded when first asked for."""
    home = {
        "Crib": "toolcrib.runtime.crib:Crib",
        "ToolNode": "toolcrib.agents.tool_node:ToolNode",
        "open": "toolcrib.runtime.build:open_project",
        "open_sync": "toolcrib.runtime.sync:open_sync",
    }.get(name)
    if home is None:
        raise AttributeError(f"module 'toolcrib' has no attribute {name!r}")
    module, _, attribute = home.partition(":")
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted(__all__)

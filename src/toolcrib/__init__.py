"""toolcrib: a production runtime for the tools, prompts, agents and graphs of LangGraph applications.

Importing it loads nothing else: each name is loaded when it is first asked for.
"""

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolcrib.agents.tool_node import ToolNode
    from toolcrib.core.calls import ToolCall, ToolContext
    from toolcrib.core.decorator import Example, Resource, Secret, Sensitive, resource, selftest, tool
    from toolcrib.core.errors import ToolcribError, ToolError
    from toolcrib.core.policies import Breaker, Cache, Concurrency, Escalate, Output, RateLimit, Retry
    from toolcrib.core.results import RunResult, ToolResult
    from toolcrib.runtime.build import open_project as open
    from toolcrib.runtime.crib import Crib
    from toolcrib.runtime.guest import graph_factory
    from toolcrib.runtime.sync import open_sync

__all__ = [
    "Breaker",
    "Cache",
    "Concurrency",
    "Crib",
    "Escalate",
    "Example",
    "Output",
    "RateLimit",
    "Resource",
    "Retry",
    "RunResult",
    "Secret",
    "Sensitive",
    "ToolCall",
    "ToolContext",
    "ToolError",
    "ToolNode",
    "ToolResult",
    "ToolcribError",
    "graph_factory",
    "open",
    "open_sync",
    "resource",
    "selftest",
    "tool",
]

_HOMES = MappingProxyType(
    {
        "Breaker": "core.policies:Breaker",
        "Cache": "core.policies:Cache",
        "Concurrency": "core.policies:Concurrency",
        "Crib": "runtime.crib:Crib",
        "Escalate": "core.policies:Escalate",
        "Example": "core.decorator:Example",
        "Output": "core.policies:Output",
        "RateLimit": "core.policies:RateLimit",
        "Resource": "core.decorator:Resource",
        "Retry": "core.policies:Retry",
        "RunResult": "core.results:RunResult",
        "Secret": "core.decorator:Secret",
        "Sensitive": "core.decorator:Sensitive",
        "ToolCall": "core.calls:ToolCall",
        "ToolContext": "core.calls:ToolContext",
        "ToolError": "core.errors:ToolError",
        "ToolNode": "agents.tool_node:ToolNode",
        "ToolResult": "core.results:ToolResult",
        "ToolcribError": "core.errors:ToolcribError",
        "graph_factory": "runtime.guest:graph_factory",
        "open": "runtime.build:open_project",
        "open_sync": "runtime.sync:open_sync",
        "resource": "core.decorator:resource",
        "selftest": "core.decorator:selftest",
        "tool": "core.decorator:tool",
    }
)


def __getattr__(name: str) -> Any:
    """The public name, from its home."""
    if name not in _HOMES:
        raise AttributeError(f"module 'toolcrib' has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(":")
    return getattr(import_module(f"toolcrib.{module}"), attribute)


def __dir__() -> list[str]:
    return sorted(__all__)

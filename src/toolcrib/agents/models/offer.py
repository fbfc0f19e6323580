"""The tools an agent offers its model: in the form providers take, without those that are not worth offering now."""

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable

from toolcrib.agents.scope import RunScope
from toolcrib.core.errors import ToolcribError
from toolcrib.core.models import OFFLINE
from toolcrib.core.tools import ToolSpec

Definitions = tuple[dict[str, Any], ...]
Asking = Runnable[LanguageModelInput, AIMessage]
Bind = Callable[[BaseChatModel, Definitions, Sequence[str]], Asking]
"""(model, tools, words it stops at) -> the model as it is asked."""
_NONE: frozenset[str] = frozenset()


class Offer:
    """The tools of one agent of one release; keeps each model that it was bound to, as long as none of them is hidden.

    Attributes:
        tools: all of them.
    """

    def __init__(self, tools: Sequence[ToolSpec] = (), *, bind: Bind | None = None) -> None:
        self.tools = tuple(tools)
        self._bind = bind or to_calls
        self._names = frozenset(tool.name for tool in tools)
        self._definitions: dict[bool, Definitions] = {}
        self._bound: dict[tuple[int, tuple[str, ...]], tuple[BaseChatModel, Asking]] = {}

    def definitions(self, name: str, hidden: frozenset[str] = _NONE) -> Definitions:
        """The tools as the model of this name is told of them, without the hidden ones."""
        examples = name == OFFLINE
        if hidden & self._names:
            return _defined([tool for tool in self.tools if tool.name not in hidden], examples=examples)
        if examples not in self._definitions:
            self._definitions[examples] = _defined(self.tools, examples=examples)
        return self._definitions[examples]

    def bind(self, model: BaseChatModel, definitions: Definitions, stop: Sequence[str] = ()) -> Asking:
        """The model with these tools, and the words it stops at.

        Raises:
            ToolcribError: the model cannot call tools.
        """
        if not any(definitions is known for known in self._definitions.values()):
            return self._bind(model, definitions, stop)  # what is hidden changes; that nothing is, is the rule
        key = (id(model), tuple(stop))
        if key not in self._bound:  # the model is kept too: so nothing else takes its identity
            self._bound[key] = model, self._bind(model, definitions, stop)
        return self._bound[key][1]


def hidden_now(scope: RunScope, offer: Offer) -> frozenset[str]:
    """Names of the tools that are not worth offering now; nobody is asked when there are none at all."""
    return scope.hidden() if offer.tools else _NONE


def tool_definition(tool: ToolSpec, *, examples: bool = False) -> dict[str, Any]:
    """A tool in the form all providers' `bind_tools` takes; `examples` only for those that read them."""
    function: dict[str, Any] = {
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.args_schema),
    }
    if examples and tool.examples:
        function["x-examples"] = list(tool.examples)
    return {"type": "function", "function": function}


def _defined(tools: Sequence[ToolSpec], *, examples: bool) -> Definitions:
    return tuple(tool_definition(tool, examples=examples) for tool in tools)


def to_calls(model: BaseChatModel, definitions: Definitions, stop: Sequence[str]) -> Asking:
    """The model with tools that it calls itself.

    Raises:
        ToolcribError: it cannot call tools.
    """
    bound: Asking = model
    if definitions:
        try:
            bound = model.bind_tools(list(definitions))
        except NotImplementedError as error:
            raise ToolcribError(
                f"{type(model).__name__} cannot call tools.", hint="Choose a model with tool calling, or `kind: react`."
            ) from error
    return bound.bind(stop=list(stop)) if stop else bound

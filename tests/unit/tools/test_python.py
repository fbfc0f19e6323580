"""Decorated functions as tools: name, description, policy, and every shape a function can have."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from toolcrib.core.calls import ToolContext
from toolcrib.core.decorator import tool
from toolcrib.core.policies import Retry, ToolPolicy
from toolcrib.tools.adapt import adapt, definition_of, is_tool
from toolcrib.tools.schema import SchemaError

CONTEXT = ToolContext(tool="t", call_id="c", release="r")


@tool
def add(a: int, b: int = 1) -> int:
    """Add two numbers.

    Args:
        a: the first
    """
    return a + b


def test_everything_not_said_is_read_from_the_function() -> None:
    spec = adapt(add).spec
    assert (spec.name, spec.description, spec.kind) == ("add", "Add two numbers.", "python")
    assert spec.policy == ToolPolicy()
    assert spec.result_schema == {"type": "integer"}
    assert spec.args_schema["properties"]["a"] == {"description": "the first", "type": "integer"}
    assert inspect.getsource(add).splitlines()[0] == "@tool"
    assert spec.line == inspect.getsourcelines(add)[1]


def test_the_function_stays_callable_as_it_is() -> None:
    assert add(1, 2) == 3
    assert adapt(add).run({"a": 1, "b": 2}, CONTEXT) == 3


def test_what_is_said_overrules_what_is_read() -> None:
    @tool(name="sum-up", description="Sum.", examples=["1 + 1"], timeout_s=None, retry=Retry(attempts=2))
    def anything() -> None:
        """Not this."""

    spec = adapt(anything).spec
    assert (spec.name, spec.description, spec.examples) == ("sum-up", "Sum.", ("1 + 1",))
    assert spec.policy == ToolPolicy(timeout_s=None, retry=Retry(attempts=2))


def test_a_policy_that_was_not_said_is_not_in_the_declaration() -> None:
    @tool(side_effect="read")
    def reads() -> None:
        """Read."""

    assert definition_of(reads).policy == {"side_effect": "read"}
    assert definition_of(add).policy == {}


@pytest.mark.parametrize("name", ["1st", "", "a b", "a.b", "_a", "ü", "a" * 65, "a\n"])
def test_a_name_no_provider_takes_is_refused(name: str) -> None:
    def anything() -> None:
        """Do."""

    anything.__name__ = name
    with pytest.raises(SchemaError, match="cannot be the name of a tool"):
        adapt(tool(anything))


def test_a_function_without_description_is_refused() -> None:
    @tool
    def silent() -> None: ...

    with pytest.raises(SchemaError, match="tool 'silent' has no description") as caught:
        adapt(silent)
    assert "docstring" in caught.value.hint


@pytest.mark.parametrize(
    ("policy", "message", "hint"),
    [
        ({"timeout": 3}, "policy timeout: ", "Policies are: timeout_s, attempt_timeout_s"),
        ({"timeout_s": -1}, "policy timeout_s: Input should be greater than 0", "Correct the value"),
        ({"retry": 3}, "policy retry: ", "Correct the value"),
    ],
)
def test_a_wrong_policy_is_refused_when_the_tool_is_made(policy: Any, message: str, hint: str) -> None:
    @tool(**policy)
    def anything() -> None:
        """Do."""

    with pytest.raises(SchemaError, match=message) as caught:
        adapt(anything)
    assert caught.value.hint.startswith(hint)


class Shop:
    """Tools as methods."""

    def __init__(self, name: str) -> None:
        self.name = name

    @tool
    def greet(self, who: str) -> str:
        """Greet."""
        return f"{self.name}: {who}"

    @classmethod
    @tool
    def kind(cls, who: str) -> str:
        """Kind."""
        return f"{cls.__name__}: {who}"

    @staticmethod
    @tool
    def fixed(who: str) -> str:
        """Fixed."""
        return f"fixed: {who}"

    def __call__(self, who: str) -> str:
        """Called."""
        return who


SHOP = Shop("ours")


@pytest.mark.parametrize(
    ("method", "result"), [(SHOP.greet, "ours: ada"), (Shop.kind, "Shop: ada"), (Shop.fixed, "fixed: ada")]
)
def test_bound_methods_are_tools_without_their_self(method: Callable[..., str], result: str) -> None:
    assert is_tool(method)
    made = adapt(method)
    assert list(made.spec.args_schema["properties"]) == ["who"]
    assert made.run(made.validate({"who": "ada"}), CONTEXT) == result
    assert definition_of(method).line > 1


@pytest.mark.parametrize("value", [tool(functools.partial(add, 1)), tool(SHOP), Shop, add.__name__, 3, None])
def test_only_functions_and_methods_are_taken_for_tools(value: Any) -> None:
    assert not is_tool(value)


def logged(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return ("logged", function(*args, **kwargs))

    return wrapper


def test_a_wrapped_function_has_the_signature_and_place_of_the_one_inside() -> None:
    @tool
    @logged
    def inner(a: int) -> int:
        """Inner."""
        return a

    made = adapt(inner)
    assert made.spec.args_schema["properties"] == {"a": {"type": "integer"}}
    assert made.run({"a": 1}, CONTEXT) == ("logged", 1)
    code = inspect.unwrap(inner).__code__
    assert definition_of(inner).line == code.co_firstlineno


def test_a_coroutine_function_is_known_as_one() -> None:
    @tool
    async def waits() -> None:
        """Wait."""

    assert adapt(waits).is_async
    assert not adapt(add).is_async

"""A stand-in answers what a chain asks of an exception as the exception itself would have."""

from typing import Any

import pytest

from toolcrib.core.errors import RateLimited, ToolError
from toolcrib.core.policies import Retry
from toolcrib.runners.processes.failures import describe, rebuild


class BusyError(ConnectionError): ...


class OddError(Exception):
    def __init__(self, first: int, second: int) -> None:
        super().__init__(first, second)


class NotReady(ToolError): ...


class GraphBubbleUp(Exception): ...


class GraphInterrupt(GraphBubbleUp): ...


def crossed(error: BaseException, *known: type[Exception] | str) -> Exception:
    return rebuild(describe(error), known)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("v"),
        KeyError("k"),
        OSError(2, "no"),
        BusyError("b"),
        OddError(1, 2),
        UnicodeDecodeError("utf8", b"a", 0, 1, "r"),
    ],
)
def test_name_and_words_are_the_same(error: Exception) -> None:
    arrived = crossed(error)
    assert (type(arrived).__name__, str(arrived)) == (type(error).__name__, str(error))


@pytest.mark.parametrize("wanted", ["BusyError", "ConnectionError", "OSError", ConnectionError, OSError, Exception])
def test_a_retry_policy_decides_as_about_the_original(wanted: Any) -> None:
    assert Retry(retry_on=(wanted,)).wants(crossed(BusyError("b"), wanted))
    assert not Retry(retry_on=("TimeoutError", ValueError)).wants(crossed(BusyError("b"), ValueError))


def test_a_class_of_the_project_that_a_policy_names_is_known_again() -> None:
    assert isinstance(crossed(OddError(1, 2), OddError), OddError)
    assert not isinstance(crossed(OddError(1, 2)), OddError)


def test_a_class_is_named_without_its_release() -> None:
    odd = type("Odd", (Exception,), {"__module__": "_toolcrib.r_0123456789abcdef.tools.bank"})
    newer = type("Odd", (Exception,), {"__module__": "_toolcrib.r_fedcba9876543210.tools.bank"})
    assert Retry(retry_on=("tools.bank.Odd",)).wants(crossed(odd("o")))
    assert isinstance(crossed(odd("o"), newer), newer)


def test_a_tool_error_keeps_what_it_says_about_itself() -> None:
    arrived = crossed(NotReady("m", hint="h", retryable=True, retry_after_s=2.0))
    assert isinstance(arrived, ToolError)
    assert type(arrived).__name__ == "NotReady"
    assert (arrived.message, arrived.hint, arrived.retryable, arrived.retry_after_s) == ("m", "h", True, 2.0)
    limited = crossed(RateLimited("r"))
    assert isinstance(limited, RateLimited)
    assert limited.retryable
    assert not limited.started


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (SystemExit(3), "SystemExit: 3"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (StopIteration(1), "StopIteration: 1"),
        (GraphInterrupt("i"), "GraphInterrupt: i"),
        (ExceptionGroup("g", [ValueError()]), "ExceptionGroup: g (1 sub-exception)"),
    ],
)
def test_what_would_be_taken_for_something_else_here_arrives_as_a_runtime_error(error: Any, words: str) -> None:
    arrived = crossed(error)
    assert type(arrived) is RuntimeError
    assert str(arrived) == words


def test_the_stack_trace_is_told_and_bounded() -> None:
    def deep(level: int) -> None:
        if level:
            deep(level - 1)
        raise ValueError("x" * 10_000)

    with pytest.raises(ValueError, match="x") as caught:
        deep(50)
    told = describe(caught.value)
    assert "in deep" in told["trace"]
    assert len(told["trace"]) <= 8_000
    assert len(told["message"]) <= 2_000

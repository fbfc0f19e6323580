"""Redact: no failure, no word of progress and no result of a tool tells what must not be shown."""

import json
import logging
import traceback
from dataclasses import replace
from typing import Annotated, Any

import anyio
import pytest
from pydantic import BaseModel, SecretStr

from tests.support import Bench, make_release
from toolcrib import Breaker, Cache, Retry, Secret, Sensitive, tool
from toolcrib.core.calls import CallContext, Progress, ToolCall, ToolContext
from toolcrib.core.errors import ToolError
from toolcrib.core.events import ToolFinished
from toolcrib.core.results import ToolResult
from toolcrib.core.tools import Need, ResourceSpec, Tool
from toolcrib.execution.policies import redact, resources
from toolcrib.execution.preset import LINKS
from toolcrib.testing import make_tool
from toolcrib.tools.adapt import adapt

pytestmark = pytest.mark.anyio
CARD = "4111-1111-1111-1111"
KEY = "hunter2-hunter2"
API_KEY = Secret("API_KEY")


class Payment(BaseModel):
    card: Annotated[str, Sensitive()]
    amount: int = 1


class Declined(Exception):
    """The bank's."""


def declared(function: Any, /, **policy: Any) -> Tool:
    """The function as an author's tool, with its annotations."""
    made = adapt(tool(function))
    return replace(made, spec=replace(made.spec, policy=make_tool(function, **policy).spec.policy))


def given(made: Tool, **needs: Need) -> Tool:
    return replace(made, needs=needs)


async def call(bench: Bench, made: Tool, /, progress: Progress | None = None, **args: Any) -> ToolResult:
    context = CallContext(progress=progress) if progress else CallContext()
    wanted = ToolCall(name=made.name, args=args, idempotency_key="k-1")
    with anyio.fail_after(5):
        return await bench.executor.call(bench.release(made), wanted, context)


def told(bench: Bench, result: ToolResult) -> str:
    """Everything that is told of a call: the result, the events with their objects, the causes behind them."""
    assert result.error is None or result.error.code != "arguments_invalid", result
    return json.dumps(result.to_dict()) + repr(result) + repr(bench.events.events)


def test_a_tool_with_nothing_to_hide_and_without_needs_has_no_link() -> None:
    def plain(card: str) -> None:
        """Nothing."""

    assert redact.link(declared(plain), make_release(), Bench().ports) is None
    assert redact.link(given(make_tool(plain), key=API_KEY), make_release(), Bench().ports) is not None


async def test_a_failure_that_quotes_a_sensitive_argument_is_told_without_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def pay(payment: Payment, pin: SecretStr) -> None:
        """Pay."""
        try:
            raise KeyError(payment.card)
        except KeyError as error:
            raise Declined(f"{payment!r} with {pin.get_secret_value()} at {payment.amount} EUR") from error

    bench, made = Bench(), declared(pay)
    result = await call(bench, made, payment={"card": CARD, "amount": 5}, pin="1234567")
    assert result.error is not None
    assert result.error.message == (
        "Tool 'pay' failed: Declined: Payment(card='[redacted]', amount=5) with [redacted] at 5 EUR"
    )
    kept = await bench.journal.in_doubt()
    again = await call(bench, made, payment={"card": CARD, "amount": 5}, pin="1234567")
    assert not kept
    assert again.journaled
    logged = [record for record in caplog.records if record.message == "tool raised"]
    assert logged
    assert logged[0].exc_info
    traces = "".join(traceback.format_exception(logged[0].exc_info[1]))
    assert "[redacted]" in traces
    assert "in pay" in traces
    for text in (told(bench, result), told(bench, again), caplog.text, traces):
        assert CARD not in text
        assert "1234567" not in text


async def test_an_authors_own_error_is_told_without_it_and_keeps_what_else_it_says() -> None:
    def pay(card: Annotated[str, Sensitive()]) -> None:
        """Pay."""
        raise ToolError(f"{card} is blocked", hint=f"Use another card than {card}.", retry_after_s=7.0)

    result = await call(Bench(), declared(pay), card=CARD)
    assert result.error is not None
    assert (result.error.code, result.error.retry_after_s) == ("tool_error", 7.0)
    assert result.error.message == "[redacted] is blocked"
    assert result.error.hint == "Use another card than [redacted]."


async def test_policies_decide_by_the_type_of_what_was_raised() -> None:
    seen: list[str] = []

    async def pay(card: Annotated[str, Sensitive()]) -> None:
        """Pay."""
        seen.append(card)
        raise ConnectionError(f"no bank for {card}") if len(seen) < 3 else Declined(card)

    policy = {"side_effect": "idempotent", "retry": Retry(attempts=5), "on_error": {"Declined": "abort"}}
    result = await call(Bench(), declared(pay, **policy), card=CARD)
    assert seen == [CARD] * 3
    assert result.error is not None
    assert (result.error.strategy, result.attempts) == ("abort", 3)


async def test_a_kept_failure_and_an_open_breaker_do_not_tell_it_either() -> None:
    async def pay(card: Annotated[str, Sensitive()]) -> None:
        """Pay."""
        raise Declined(card)

    policy = {"side_effect": "read", "cache": Cache(errors_ttl_s=60), "breaker": Breaker(min_calls=1)}
    bench, made = Bench(), declared(pay, **policy)
    results = [
        await call(bench, made, card=CARD),
        await call(bench, made, card=CARD),
        await call(bench, made, card="x"),
    ]
    assert [one.cached for one in results] == [False, True, False]
    assert results[2].error is not None
    assert results[2].error.code == "circuit_open"
    assert not any(CARD in told(bench, one) for one in results)


async def test_an_interrupt_crosses_untouched() -> None:
    class GraphBubbleUp(Exception):
        pass

    raised = GraphBubbleUp(CARD, KEY)

    async def ask(card: Annotated[str, Sensitive()]) -> None:
        """Ask."""
        raise raised

    bench = Bench(env={"API_KEY": KEY})
    bench.secrets.know(["API_KEY"])
    for made in (declared(ask), make_tool(ask)):
        with pytest.raises(GraphBubbleUp) as caught:
            await call(bench, made, card=CARD)
        assert caught.value is raised


async def test_progress_is_told_without_it() -> None:
    heard: list[tuple[float, str]] = []

    def hear(fraction: float, message: str = "") -> None:
        heard.append((fraction, message))

    async def pay(card: Annotated[str, Sensitive()], context: ToolContext) -> None:
        """Pay."""
        context.progress(0.5, f"charging {card}")
        context.progress(1.0)

    await call(Bench(), declared(pay), progress=hear, card=CARD)
    assert heard == [(0.5, "charging [redacted]"), (1.0, "")]


async def test_a_sensitive_result_is_the_callers_and_not_the_listeners() -> None:
    class Key(BaseModel):
        token: Annotated[str, Sensitive()]
        name: str

    async def make_key() -> Key:
        """Make a key."""
        return Key(token=CARD, name="mine")

    bench = Bench()
    result = await call(bench, declared(make_key))
    assert result.value == Key(token=CARD, name="mine")
    (ended,) = bench.events.of(ToolFinished)
    assert ended.result.value == {"token": "[redacted]", "name": "mine"}


async def test_no_failure_of_any_tool_tells_a_known_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    def fetch() -> None:
        raise Declined(f"401 for https://example.com/?key={KEY}")

    bench = Bench(env={"API_KEY": KEY})
    bench.secrets.know(["API_KEY"])
    result = await call(bench, make_tool(fetch))
    assert result.error is not None
    assert result.error.message.endswith("Declined: 401 for https://example.com/?key=[secret:API_KEY]")
    assert KEY not in told(bench, result) + caplog.text
    assert "[secret:API_KEY]" in caplog.text


@pytest.mark.parametrize("size", [1, 2])
async def test_a_resource_that_cannot_be_opened_does_not_tell_its_secret(size: int) -> None:
    def open_db(key: str) -> None:
        raise OSError(f"postgres://me:{key}@db refused")

    spec = ResourceSpec(name="db", digest="1", factory=open_db, needs={"key": API_KEY}, size=size)
    made = given(replace(make_tool(lambda db: db, name="look"), validate=dict), db=spec)
    bench = Bench(env={"API_KEY": KEY})
    result = await call(bench, made)
    assert result.error is not None
    assert result.error.message == (
        "Resource 'db' could not be opened: OSError: postgres://me:[secret:API_KEY]@db refused"
    )
    assert KEY not in told(bench, result)


async def test_what_a_tool_with_a_secret_returns_is_told_without_it() -> None:
    def echo(key: str) -> dict[str, Any]:
        return {"headers": [{"x-key": key}], "ok": True}

    bench = Bench(env={"API_KEY": KEY})
    direct = given(replace(make_tool(echo), validate=dict), key=API_KEY)
    assert (await call(bench, direct)).value == {"headers": [{"x-key": "[secret:API_KEY]"}], "ok": True}

    session = ResourceSpec(name="session", digest="1", factory=lambda key: {"key": key}, needs={"key": API_KEY})
    by_way = given(replace(make_tool(lambda key: key["key"], name="look"), validate=dict), key=session)
    assert (await call(bench, by_way)).value == "[secret:API_KEY]"
    await bench.resources.close()


async def test_a_result_without_the_secret_is_the_very_object_the_tool_returned() -> None:
    made = object()
    bench = Bench(env={"API_KEY": KEY})
    for function in (lambda key: made, lambda: made):
        one = replace(make_tool(function, name="make", side_effect="none"), validate=dict)
        one = given(one, key=API_KEY) if function.__code__.co_argcount else one
        assert (await call(bench, one)).value is made


def test_the_link_lies_around_what_lends_and_inside_all_that_keeps() -> None:
    assert LINKS.index(redact.link) == LINKS.index(resources.link) - 1 == len(LINKS) - 2

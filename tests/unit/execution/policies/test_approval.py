"""Approval: conditions on arguments, and calls that are not made without a person."""

from typing import Any

import pytest

from tests.support import Bench
from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.policies import Approval
from toolcrib.execution.approval import needs_approval
from toolcrib.testing import make_tool

pytestmark = pytest.mark.anyio
ARGS = {"amount": 250, "to": "Ann", "order": {"total": 9, "lines": ["x", "y"]}, "note": None}


@pytest.mark.parametrize(
    ("when", "asks"),
    [
        ("", True),
        ("amount > 100", True),
        ("amount > 100 and to != 'Ann'", False),
        ("lower(to) in ['ann', 'bob']", True),
        ("to not in ('Ann', 'Bob')", False),
        ("order.total * 10 >= 90", True),
        ("order['total'] > 9", False),
        ("len(order.lines) > 2 or not amount", False),
        ("-amount < -300", False),
        ("note is None", True),
        ("to > 3", True),
        ("order.tip > 1", True),
        ("amount / 0 > 1", True),
        ("note.real > 1", True),
    ],
)
def test_a_condition_is_met_by_the_arguments_or_cannot_be_told(when: str, asks: bool) -> None:
    assert needs_approval(Approval(when=when), ARGS, tool="pay") is asks


def test_a_condition_that_fails_is_told_with_its_tool_and_without_arguments(caplog: pytest.LogCaptureFixture) -> None:
    assert needs_approval(Approval(when="to > 3"), ARGS, tool="pay")
    (record,) = caplog.records
    assert (record.levelname, vars(record)["tool"], vars(record)["when"]) == ("WARNING", "pay", "to > 3")
    assert "Ann" not in str(vars(record))


def test_the_arguments_a_condition_speaks_of_are_known() -> None:
    assert Approval.model_validate("when(len(order.lines) > a or b)").names == ("a", "b", "order")


@pytest.mark.parametrize(
    ("amount", "approved", "code"), [(5, False, ""), (500, False, "approval_required"), (500, True, "")]
)
async def test_a_call_that_needs_approval_is_not_made_without_it(amount: int, approved: bool, code: str) -> None:
    paid: list[Any] = []

    async def pay(amount: int) -> None:
        paid.append(amount)

    bench = Bench()
    release = bench.release(make_tool(pay, approval="when(amount > 100)"))
    context = CallContext(approved=approved)
    result = await bench.executor.call(release, ToolCall(name="pay", args={"amount": amount}), context)
    assert (result.error.code if result.error else "", result.ok) == (code, not code)
    assert paid == ([] if code else [amount])

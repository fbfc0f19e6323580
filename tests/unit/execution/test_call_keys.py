"""Call keys: equal for calls that must have the same result, different as soon as anything that matters differs."""

from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from itertools import combinations
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, HttpUrl, SecretBytes, SecretStr

from toolcrib.core.calls import CallContext
from toolcrib.core.chain import Call
from toolcrib.core.policies import Output
from toolcrib.core.tools import Tool
from toolcrib.execution.call_keys import call_keys
from toolcrib.testing import make_tool


async def look(x: Any = None) -> None: ...


TOOL = make_tool(look)


def key(x: Any = None, *, tool: Tool = TOOL, **context: Any) -> str | None:
    return call_keys(tool.spec)(Call(tool=tool, args={"x": x}, id="c", context=CallContext(**context), began=0.0))


class Colour(Enum):
    RED = "red"


class Number(IntEnum):
    ONE = 1


class Order(BaseModel):
    id: Any


@dataclass
class Point:
    x: Any


def test_the_order_of_arguments_and_of_keys_does_not_matter() -> None:
    one = Call(tool=TOOL, args={"a": 1, "b": {"c": 1, "d": 2}}, id="1", context=CallContext(), began=0.0)
    two = Call(tool=TOOL, args={"b": {"d": 2, "c": 1}, "a": 1}, id="2", context=CallContext(agent="x"), began=9.0)
    keyed = call_keys(TOOL.spec)
    assert keyed(one) == keyed(two)
    assert key({"b", "a"}) == key({"a", "b"})
    assert key(Order(id=Order(id=1))) == key(Order(id=Order(id=1)))


def test_values_that_differ_only_in_type_have_different_keys() -> None:
    values: list[Any] = [
        *(None, True, 1, 1.0, "1", "", [], {}, (), set(), frozenset(), b"1", "b'1'", Decimal(1), Decimal("1.0")),
        *(Decimal("1.00"), float("nan"), float("inf"), float("-inf"), "nan", "null", "true"),
        *([1], (1,), {1}, ["1"], {"1": 1}, {1: 1}, OrderedDict({"1": 1}), Colour.RED, "red", "RED", Number.ONE),
        *(UUID(int=1), str(UUID(int=1)), Path("1"), date(2026, 1, 1), "2026-01-01"),
        *(datetime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, fold=1)),
        *(HttpUrl("http://a.b/"), "http://a.b/", Order(id=1), Order(id="1"), {"id": 1}, Point(x=1), Point(x="1")),
    ]
    keys = [key(value) for value in values]
    assert None not in keys
    for (one, first), (two, second) in combinations(zip(keys, values, strict=True), 2):
        assert one != two, (first, second)


def test_arguments_cannot_pass_for_a_value_of_another_type() -> None:
    assert key(Decimal(1)) != key({"": ["decimal.Decimal", "Decimal('1')"]})
    assert key({1: 2}) != key({"": ["builtins.dict", [[1, 2]]]})


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [x], lambda x: {"a": x}, lambda x: Order(id=x)])
@pytest.mark.parametrize("value", [object(), 2**64, "\ud800", lambda: None, type("Text", (str,), {})("x")])
def test_arguments_without_a_canonical_text_have_no_key(value: Any, wrap: Any) -> None:
    assert key(wrap(value)) is None


def test_arguments_that_hold_themselves_have_no_key() -> None:
    value: list[Any] = []
    value.append(value)
    assert key(value) is None


def test_name_digest_tenant_and_scopes_are_part_of_the_key() -> None:
    other_code = replace(TOOL, spec=replace(TOOL.spec, digest="d2"))
    other_name = make_tool(look, name="see")
    keys = {
        key(),
        key(tool=other_code),
        key(tool=other_name),
        key(tenant="a"),
        key(tenant="b"),
        key(scopes=frozenset()),
        key(scopes=frozenset({"r"})),
        key(scopes=frozenset({"r", "w"})),
        key(scopes=frozenset({"r,w"})),
    }
    assert len(keys) == 9
    assert key(scopes=frozenset({"w", "r"})) == key(scopes=frozenset({"r", "w"}))


def test_results_cut_at_different_lengths_have_different_keys() -> None:
    lengths = [None, Output(max_chars=100), Output(max_chars=200)]
    assert len({key(tool=make_tool(look, output=output)) for output in lengths}) == 3


def test_who_asks_within_a_tenant_is_no_part_of_the_key() -> None:
    assert key(agent="a", run_id="r", thread_id="t", key="k", priority=3, deadline=9.0, timeout_s=1.0) == key()


def test_secret_types_are_told_apart_by_their_values() -> None:
    keys = [key(SecretStr("one")), key(SecretStr("two")), key("one"), key(SecretBytes(b"one"))]
    assert None not in keys
    assert len(set(keys)) == 4
    assert key(SecretStr("one")) == keys[0]

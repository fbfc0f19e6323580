"""`examples/shop`: its tools as plain functions, and the whole of it as a project."""

import inspect
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from toolcrib.core.calls import ToolContext
from toolcrib.core.errors import ToolError
from toolcrib.runtime.build import open_project, verify_project

SHOP = Path(__file__).resolve().parents[2] / "examples" / "shop"
CONTEXT = ToolContext(tool="shipping_quote", call_id="c-1", release="r-1")
Load = Callable[[str], ModuleType]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Imports a module of the shop as its own tests would."""
    monkeypatch.syspath_prepend(str(SHOP))
    yield lambda name: import_module(f"tools.{name}")
    for name in [name for name in sys.modules if name.partition(".")[0] == "tools"]:
        del sys.modules[name]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A copy of the shop: an open project keeps its state in its directory."""
    place = tmp_path / "shop"
    shutil.copytree(SHOP, place, ignore=shutil.ignore_patterns("__pycache__", ".toolcrib"))
    return place


def test_an_order_is_found_however_its_number_is_written(load: Load) -> None:
    order_status = load("orders").order_status
    order = order_status(" #a-42 ")
    assert order["status"] == "shipped"
    assert order["items"] == ["2 x oak stool", "1 x brass desk lamp"]
    assert order["total_eur"] == 207.9
    assert "delivered_on" not in order


def test_an_unknown_order_tells_the_nearest_numbers(load: Load) -> None:
    with pytest.raises(ToolError, match="A-24") as caught:
        load("orders").order_status("A-24")
    assert "A-44" in caught.value.hint


def test_orders_of_a_customer_come_newest_first_and_by_status(load: Load) -> None:
    list_orders = load("orders").list_orders
    assert [order["order_id"] for order in list_orders("c-7")] == ["A-45", "A-42", "A-23"]
    assert list_orders("C-7", "open") == [
        {"order_id": "A-45", "status": "open", "placed_on": "2026-01-01", "total_eur": 119.0}
    ]


def test_an_unknown_customer_tells_the_nearest_numbers(load: Load) -> None:
    with pytest.raises(ToolError, match="C-4") as caught:
        load("orders").list_orders("C-4")
    assert "C-9" in caught.value.hint


def test_the_database_cannot_be_written_by_a_query(load: Load) -> None:
    with pytest.raises(Exception, match="readonly"):
        load("_database").rows("DELETE FROM orders")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("17 * 23", 391),
        ("0.1 + 0.2", 0.3),
        ("3 × 49.90", 149.7),
        ("2^10", 1024),
        ("1,234.5 + 1", 1235.5),
        ("-(7 // 2) % 5", -3),
        ("2 ** 0.5", 2**0.5),
        ("10 / 4", 2.5),
    ],
)
def test_sums_are_worked_out(load: Load, expression: str, value: float) -> None:
    assert load("calculator").calculator(expression) == value


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("1 / 0", "divides by zero"),
        ("9 ** 9 ** 9", "too large"),
        ("1e999999999", "too large"),
        ("(-8) ** 0.5", "no value"),
        ("1 +", "not a complete"),
        ("__import__('os').getcwd()", "not allowed"),
        ("True + 1", "not allowed"),
        ("+".join("1" * 60), "more than 100 parts"),
        ("1" * 201, "longer than 200"),
        ("(" * 100 + "1", "not a complete"),
    ],
)
def test_what_is_no_bounded_sum_is_refused_with_the_reason(load: Load, expression: str, why: str) -> None:
    with pytest.raises(ToolError, match=why):
        load("calculator").calculator(expression)


def test_money_is_converted_both_ways(load: Load) -> None:
    convert_currency = load("currency").convert_currency
    assert convert_currency(120, "eur", "USD")["result"] == 138.0
    there = convert_currency(1000, "JPY", "EUR")
    assert there["result"] == 5.56
    assert there["rates_of"] == "2026-01-02"


def test_an_unknown_currency_tells_which_there_are(load: Load) -> None:
    with pytest.raises(ToolError, match="XXX") as caught:
        load("currency").convert_currency(1, "EUR", "XXX")
    assert "JPY" in caught.value.hint


@pytest.mark.anyio
async def test_shipping_costs_the_base_price_and_the_weight(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    shipping = load("shipping")
    monkeypatch.setattr(shipping, "CARRIER_ANSWERS_AFTER_S", 0)
    quote = await shipping.shipping_quote("oslo", 3, CONTEXT)
    assert quote["price_eur"] == 21.1
    assert quote["carrier"] == shipping.CARRIER
    assert (await shipping.shipping_quote("上海", 1, CONTEXT))["destination"] == "Shanghai"


@pytest.mark.anyio
@pytest.mark.parametrize(("city", "weight", "why"), [("Osla", 3, "Osla"), ("Rome", 1, "Rome"), ("Oslo", 44, "44 kg")])
async def test_a_parcel_that_cannot_go_is_refused_at_once(load: Load, city: str, weight: float, why: str) -> None:
    with pytest.raises(ToolError, match=why):
        await load("shipping").shipping_quote(city, weight, CONTEXT)


@pytest.mark.anyio
async def test_the_carrier_is_not_asked_when_there_is_no_time_to_wait(load: Load) -> None:
    hurried = ToolContext(tool="shipping_quote", call_id="c-1", release="r-1", timeout_s=0.5)
    with pytest.raises(ToolError, match="not enough time"):
        await load("shipping").shipping_quote("Oslo", 3, hurried)


def test_every_tool_says_what_it_does_and_what_it_answers(load: Load) -> None:
    for name in ("orders", "calculator", "currency", "shipping"):
        module = load(name)
        tools = [value for value in vars(module).values() if hasattr(value, "__toolcrib_tool__")]
        assert tools, name
        for one in tools:
            assert "Args:" in str(inspect.getdoc(one)), one
            assert one.__toolcrib_tool__.examples, one


@pytest.mark.anyio
async def test_the_shop_passes_the_gate(shop: Path) -> None:
    assert (await verify_project(shop)).reasons == ()


@pytest.mark.anyio
async def test_the_shop_answers_its_customers(shop: Path) -> None:
    async with open_project(shop) as crib:
        order = await crib.run("support", "Where is order A-42?")
        both = await crib.run("support", "Where is order A-42, and how much is 3 * 49.90?")
        money = await crib.run("support", "How much is 120 EUR in USD?")
        chinese = await crib.run("support", "订单 A-17 到哪儿了？")
        unknown = await crib.run("support", "Where is order A-24?")
    assert "shipped" in str(order.output)
    assert str(order.output).endswith("Your Pine & Harbour team")
    assert {step["tool"] for step in both.trace if step["kind"] == "tool"} == {"order_status", "calculator"}
    assert "149.7" in str(both.output)
    assert "138" in str(money.output)
    assert "A-17" in str(chinese.output)
    assert unknown.success
    assert "A-44" in str(unknown.output)

"""What customers ask most: where is my order, and what did I order."""

import difflib
from typing import Any, Literal

from tools._database import rows

from toolcrib import ToolError, tool

Status = Literal["open", "paid", "shipped", "delivered", "returned"]

ORDER = """
    SELECT o.id AS order_id, o.status, o.placed_on, o.expected_on, o.delivered_on, o.carrier
    FROM orders o WHERE o.id = ?
"""
ITEMS = """
    SELECT i.product, i.quantity, i.unit_cents FROM items i WHERE i.order_id = ? ORDER BY i.line
"""
OF_CUSTOMER = """
    SELECT o.id AS order_id, o.status, o.placed_on, SUM(i.quantity * i.unit_cents) / 100.0 AS total_eur
    FROM orders o JOIN items i ON i.order_id = o.id
    WHERE o.customer_id = ? AND (? = '' OR o.status = ?)
    GROUP BY o.id ORDER BY o.placed_on DESC, o.id DESC
"""


@tool(
    side_effect="read",
    examples=(
        "Where is order A-42?",
        "Has my order A-17 been delivered?",
        "订单 A-42 到哪儿了？",
        "订单 A-17 的状态是什么？",
    ),
)
def order_status(order_id: str) -> dict[str, Any]:
    """Look up one order: its status, what is in it, what it cost and when it arrives.

    Args:
        order_id: The order's number, a letter and digits, for example A-42.
    """
    wanted = order_id.strip().lstrip("#").upper()
    found = rows(ORDER, wanted)
    if not found:
        raise ToolError(f"There is no order {wanted!r}.", hint=_nearest(wanted, "orders", "Ask the customer for it."))
    order = {name: value for name, value in found[0].items() if value is not None}
    items = rows(ITEMS, wanted)
    order["items"] = [f"{item['quantity']} x {item['product']}" for item in items]
    order["total_eur"] = sum(item["quantity"] * item["unit_cents"] for item in items) / 100
    return order


@tool(
    side_effect="read",
    examples=(
        "Which orders does customer C-7 have?",
        "List the shipped orders of customer C-3",
        "客户 C-7 有哪些订单？",
    ),
)
def list_orders(customer_id: str, status: Status | None = None) -> list[dict[str, Any]]:
    """List a customer's orders, the newest first.

    Args:
        customer_id: The customer's number, for example C-7.
        status: Only orders in this state; all when not given.
    """
    wanted = customer_id.strip().lstrip("#").upper()
    if not rows("SELECT id FROM customers WHERE id = ?", wanted):
        hint = _nearest(wanted, "customers", "The number stands on every invoice.")
        raise ToolError(f"There is no customer {wanted!r}.", hint=hint)
    return rows(OF_CUSTOMER, wanted, status or "", status or "")


def _nearest(wanted: str, table: Literal["orders", "customers"], otherwise: str) -> str:
    """A hint that names the numbers most like `wanted`."""
    known = [row["id"] for row in rows(f"SELECT id FROM {table} ORDER BY id")]
    close = difflib.get_close_matches(wanted, known, n=3, cutoff=0.5)
    return f"The nearest numbers are {', '.join(close)}. {otherwise}" if close else otherwise

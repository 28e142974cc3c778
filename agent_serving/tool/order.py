"""Tool about the orders and deliveries of the signed-in customer, read through the table reader of the role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from agent_serving.tool.item import Fact, Item, Note, ToolResult
from agent_serving.tool.shop import AGENT_ROLES, MOST_ITEMS, parameters
from agent_serving.tool.tool import Tool, ToolContext
from agent_serving.understanding.model import Intent
from privacy.access.errors import AccessRefused
from privacy.access.table_part import TablePart
from privacy.consent.record import is_opaque_id

if TYPE_CHECKING:
    from features.retrieval.answer import Caller
    from installation.installation import Installation

PURPOSE = "service_delivery"
_UNDER_WAY = ("preparing", "shipped")
TABLE, KEY = "gold/order_history", "customer_id"
_COLUMNS = (
    "order_id", "ordered_at", "channel", "piece_count", "sales_value", "delivery_method", "shipped_at", "delivered_at",
    "return_count", "refund_amount",
)  # fmt: skip


class OrderReader:
    """Reads the orders of one customer as the role may read them, logged, and only if the customer permits it."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    def orders(self, customer_id: str, caller: Caller, purpose: str) -> Sequence[Mapping[str, Any]]:
        """Return the customer's orders, the newest first; none if the customer does not permit the purpose.

        Raises:
            AccessRefused: the role may not read orders for the purpose, or the customer id is malformed.
            LakehouseError: there is no table of orders.
        """
        if not is_opaque_id(customer_id):
            raise AccessRefused("The customer id is malformed; expected an opaque id such as c_5kq.")
        if caller.purposes is not None and purpose not in caller.purposes:
            raise AccessRefused(f"The caller does not have the purpose {purpose}.")
        reader = self._installation.table_reader(caller.name)
        read = reader.read(TABLE, caller.role, purpose, _COLUMNS, part=TablePart(customer_id))
        rows: list[dict[str, Any]] = read.frame.sort_by([("ordered_at", "descending")]).to_pylist()
        return rows


def _order_status(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
    name, orders = "order_status", context.services.orders
    if orders is None:
        return ToolResult(name, (), Note.UNAVAILABLE)
    if context.customer_id is None:
        return ToolResult(name, (), Note.NO_CUSTOMER)
    rows = orders.orders(context.customer_id, context.caller, PURPOSE)
    wanted = arguments.get("order_id")
    # Of the customer's own orders only: the number of somebody else's order finds nothing.
    chosen = [row for row in rows if wanted is None or str(row["order_id"]) == wanted]
    # Orders under way come first: they are asked for most, and may be older than some purchases in the shop.
    items = sorted(map(_item, chosen), key=lambda item: item.facts["status"] not in _UNDER_WAY)
    return ToolResult(name, tuple(items[:MOST_ITEMS]), None if rows else Note.NO_DATA)


def _item(row: Mapping[str, Any]) -> Item:
    facts: dict[str, Fact] = {"order_id": str(row["order_id"]), "status": _status(row)}
    for name in ("ordered_at", "shipped_at", "delivered_at"):
        if isinstance(row.get(name), datetime):
            facts[name] = row[name].isoformat(sep=" ", timespec="minutes")
    for name in ("channel", "delivery_method"):
        if row.get(name) is not None:
            facts[name] = str(row[name])
    facts |= {"piece_count": int(row["piece_count"]), "amount_usd": float(row["sales_value"])}
    if row["return_count"]:
        facts["refund_usd"] = float(row["refund_amount"])
    return Item("order", str(row["order_id"]), str(row["order_id"]), facts)


def _status(row: Mapping[str, Any]) -> str:
    """Return how far an order is: returned, delivered, shipped, preparing; bought for a sale in the shop."""
    if row["return_count"]:
        return "returned"
    if row.get("delivered_at") is not None:
        return "delivered"
    if row.get("shipped_at") is not None:
        return "shipped"
    return "preparing" if row.get("channel") == "online" else "bought"


ORDER_STATUS = Tool(
    "order_status",
    "This customer's own orders and deliveries.",
    parameters(order_id={"type": "string", "pattern": "^[0-9]{1,20}$"}),
    frozenset({Intent.SERVICE, Intent.FIND_INFORMATION}),
    AGENT_ROLES,
    PURPOSE,
    _order_status,
)

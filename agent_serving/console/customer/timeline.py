"""The timeline: what the customer did in one month, over all channels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from agent_serving.console.customer.profile import consent_note
from agent_serving.console.customer.reading import CustomerReading
from agent_serving.console.part import Grid, Note, Part
from agent_serving.console.word import word
from installation.contract.plain_name import readable
from privacy.rights.wording import Wording

EVENTS, PRODUCTS = "silver/touchpoint_event", "silver/product"
_DETAILS = ("query", "rating", "outcome", "amount", "quantity", "store_id", "product_id", "order_id")


@dataclass(frozen=True)
class Timeline:
    """One month of a customer.

    Attributes:
        month: its first day.
        kinds: kinds of events and their numbers in the month, the most frequent first.
        parts: the events, the newest first, or why there are none.
    """

    month: date
    kinds: dict[str, int]
    parts: list[Part]

    @property
    def earlier(self) -> date:
        """The first day of the month before."""
        return (self.month - timedelta(days=1)).replace(day=1)

    @property
    def later(self) -> date:
        """The first day of the month after."""
        return (self.month + timedelta(days=31)).replace(day=1)


def timeline(reading: CustomerReading, month: date | None = None, kind: str = "", channel: str = "") -> Timeline:
    """Return the events of a month; None is that of the newest event that the role may know, or of the last run.

    Args:
        reading: of the customer.
        month: any day of the month.
        kind: only events of this kind, such as `purchase`; empty for all.
        channel: only events of this channel; empty for all.
    """
    first = (month or _newest(reading)).replace(day=1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    own = reading.own(EVENTS, days=("event_date", first, last), order="event_at")
    if own.refused is not None:
        return Timeline(first, {}, [Note(own.refused)])
    kinds: dict[str, int] = {}
    for row in own.rows:
        kinds[row["event_type"]] = kinds.get(row["event_type"], 0) + 1
    rows = [
        row for row in own.rows if kind in ("", row["event_type"]) and channel in ("", row["channel"])
    ]  # fmt: skip
    products = _product_names(reading, {row["product_id"] for row in rows if row.get("product_id")})
    empty = Wording(
        "Nothing is recorded in this month. Earlier months may have events.",
        "이 달에는 기록이 없습니다. 이전 달을 확인해 보십시오.",
    )
    grid = Grid(
        Wording("Events", "활동"),
        (Wording("When", "일시"), Wording("Channel", "채널"), Wording("What", "활동"), Wording("Details", "내용"),
         Wording("Source", "출처"), Wording("Linked by", "연결 근거")),
        [
            [row["event_at"], word(row["channel"]), word(row["event_type"]), _details(row, products),
             reading.names.table(reading.installation.contracts.table(f"bronze/{row['source']}")),
             word(row["resolved_by"]) if row.get("resolved_by") else None]
            for row in rows
        ],
        empty,
    )  # fmt: skip
    notes: list[Part] = [] if reading.is_permitted else [consent_note(reading)]
    ordered = dict(sorted(kinds.items(), key=lambda one: (-one[1], one[0])))
    return Timeline(first, ordered, [*notes, grid])


def _newest(reading: CustomerReading) -> date:
    """Return the day of the newest event, where the role may know it; else the day of the last run."""
    at = reading.own("gold/customer_recent_activity", ["last_event_at"]).first.get("last_event_at")
    return at.date() if at is not None else reading.installation.reference_date()


def _product_names(reading: CustomerReading, products: set[str]) -> dict[str, str]:
    """Return what each product is; products are no personal data."""
    wanted = sorted(one for one in products if one.isascii() and one.isalnum())
    if not wanted:
        return {}
    listed = ", ".join(f"'{one}'" for one in wanted)
    rows = reading.installation.lakehouse.rows(
        PRODUCTS, ["product_id", "product_type"], f"cast(product_id as string) in ({listed})"
    )
    return {str(row["product_id"]): row["product_type"] for row in rows.to_pylist()}


def _details(row: dict[str, Any], products: dict[str, str]) -> Wording | None:
    said: list[Wording] = []
    for column in _DETAILS:
        value = row.get(column)
        # The pseudonym of an order tells a person nothing.
        if value is None or str(value).startswith("r_"):
            continue
        match column:
            case "product_id":
                known = products.get(value)
                said.append(Wording(known or f"product {value}", known or f"상품 {value}"))
            case "amount":
                said.append(_same(f"{value:,.2f} USD"))
            case "query":
                said.append(_same(f"“{value}”"))
            case "quantity":
                said.append(_same(f"{value:g} ×"))
            case "rating":
                said.append(_same(f"{value:g} ★"))
            case "store_id" | "order_id":
                place = Wording("store", "매장") if column == "store_id" else Wording("order", "주문")
                said.append(Wording(f"{place.en} {value}", f"{place.ko} {value}"))
            case _:
                said.append(Wording(readable(str(value)).lower(), word(str(value)).ko))
    return Wording(" · ".join(one.en for one in said), " · ".join(one.ko for one in said)) if said else None


def _same(text: str) -> Wording:
    return Wording(text, text)

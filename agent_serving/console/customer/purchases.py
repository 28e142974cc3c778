"""What the customer buys: spend a month, favourite categories, their rhythm, what is due next, orders and journeys."""

from __future__ import annotations

from typing import Any

from agent_serving.console.chart import Chart, ChartKind, Figure
from agent_serving.console.customer.profile import consent_note
from agent_serving.console.customer.reading import CustomerReading, OwnRows
from agent_serving.console.part import Grid, Note, Part, shown
from agent_serving.console.word import word
from privacy.rights.wording import Wording

MONTHS, SHARES = "gold/customer_monthly_spend", "gold/customer_category_share"
RHYTHM, ORDERS, JOURNEYS = "gold/customer_repurchase", "gold/order_history", "gold/customer_journey"
MOST_ROWS = 20
_NOT_BOUGHT = Wording("No purchase is recorded.", "구매 기록이 없습니다.")


def purchases(reading: CustomerReading) -> list[Part]:
    """Return charts and tables of the customer's purchases. A table that the role may not read is a note."""
    parts: list[Part] = [] if reading.is_permitted else [consent_note(reading)]
    parts += _spend(reading, reading.own(MONTHS, order="month"))
    shares = reading.own(SHARES, ["product_category", "spend_share", "order_count", "spend_rank"])
    columns: tuple[str, ...] = ("product_category", "spend_share", "order_count")
    shares.rows.sort(key=lambda row: row.get("spend_rank") or 0)
    parts += _grid(reading, shares, Wording("Favourite categories", "많이 사는 카테고리"), columns)
    rhythm = reading.own(RHYTHM)
    # Due next first: by the expected day, of those with a rhythm.
    rhythm.rows.sort(key=lambda row: (row.get("expected_next_on") is None, _negative_day(row.get("expected_next_on"))))
    columns = ("product_category", "median_interval_days", "last_purchase_on", "expected_next_on", "purchase_day_count")
    parts += _grid(reading, rhythm, Wording("Rhythm and next purchase", "구매 주기와 다음 구매 예상"), columns)
    orders = reading.own(ORDERS, order="ordered_at")
    columns = ("ordered_at", "channel", "store_type", "sales_value", "discount_value", "piece_count", "delivery_method")
    return [*parts, *_grid(reading, orders, Wording("Orders, the newest first", "최근 주문"), columns)]


def journeys(reading: CustomerReading) -> list[Part]:
    """Return the customer's journeys, the newest first: paths over channels and whether they ended in a purchase."""
    own = reading.own(JOURNEYS, order="started_at")
    columns = ("started_at", "path", "channel_count", "duration_hours", "is_converted", "conversion_value")
    parts: list[Part] = [] if reading.is_permitted else [consent_note(reading)]
    for row in own.rows:
        if row.get("path"):
            row["path"] = _short(row["path"])
    return [*parts, *_grid(reading, own, Wording("Journeys, the newest first", "최근 여정"), columns)]


def _spend(reading: CustomerReading, own: OwnRows) -> list[Part]:
    title = Wording("Spend a month, in USD", "월별 구매액 (달러)")
    if own.refused is not None:
        return [Note(own.refused)]
    if not own.rows or "sales_value" in own.withheld:
        return []
    rows: list[list[str | Figure]] = [
        [f"{row['month']:%Y-%m}", float(row["sales_value"])] for row in reversed(own.rows)
    ]
    return [Chart(ChartKind.BAR, title, (Wording("Month", "월"), Wording("Spend", "구매액")), rows, 12)]


def _grid(reading: CustomerReading, own: OwnRows, title: Wording, columns: tuple[str, ...]) -> list[Part]:
    """Return the first rows of a table with those of the columns that the role may read."""
    if own.refused is not None:
        return [Note(own.refused)]
    names = [name for name in columns if name not in own.withheld]
    rows = [[_value(own, name, row[name]) for name in names] for row in own.rows[:MOST_ROWS]]
    if (found := len(own.rows)) > MOST_ROWS:
        title = Wording(f"{title.en} ({MOST_ROWS} of {found:,})", f"{title.ko} ({found:,}건 중 {MOST_ROWS}건)")
    return [Grid(title, tuple(reading.name(own.contract, name) for name in names), rows, _NOT_BOUGHT)]


def _value(own: OwnRows, column: str, value: Any) -> Any:
    if column in ("channel", "store_type", "delivery_method") and isinstance(value, str):
        return word(value)
    return shown(own.contract, column, value)


def _negative_day(day: Any) -> int:
    return 0 if day is None else -day.toordinal()


def _short(path: str) -> Wording:
    """Return a path with repeated steps counted.

    >>> _short("web:search > web:product_view > web:product_view > store:purchase").en
    'web: search → product view ×2 → store: purchase'
    """
    said: list[tuple[str, int]] = []
    for step in path.split(" > "):
        if said and said[-1][0] == step:
            said[-1] = (step, said[-1][1] + 1)
        else:
            said.append((step, 1))
    channel, texts = "", []
    for step, count in said:
        place, _, what = step.partition(":")
        times = f" ×{count}" if count > 1 else ""
        at = Wording(f"{word(place).en.lower()}: ", f"{word(place).ko}: ") if place != channel else Wording("", "")
        texts.append(Wording(f"{at.en}{word(what).en.lower()}{times}", f"{at.ko}{word(what).ko}{times}"))
        channel = place
    return Wording(" → ".join(one.en for one in texts), " → ".join(one.ko for one in texts))

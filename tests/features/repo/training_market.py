"""A market of made-up orders: gold/customer_purchase_window by a plain count, and consents of its customers.

Nothing here uses the code under test: the window table and the expected training rows are counted order by order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from features.repo.training_spec import TrainingSpec
from installation.contract.built_in import BUILT_IN
from installation.contract.document import Contracts, load_contracts
from installation.installation import Installation
from installation.settings import load_settings
from privacy.consent.record import ConsentRecord
from privacy.consent.state import State

TABLE, PLACES = "gold/customer_purchase_window", "gold/customer_location"
MONTH_ENDS = tuple(date(2017, month, day) for month, day in ((1, 31), (2, 28), (3, 31), (4, 30), (5, 31), (6, 30)))
GIVEN_AT = datetime(2017, 1, 1)
REGIONS = ("경기도", "부산광역시", "광주광역시", "대전광역시", "강원도")
Orders = Mapping[str, Sequence[tuple[date, float]]]

SPEC = TrainingSpec.model_validate({
    "service": "purchase_habit",
    "outcome": {"feature": "customer_purchase_window:last_order_on", "within_months": 1},
    "only": [{"feature": "customer_purchase_window:order_count_90d", "at_least": 1}],
    "columns": {
        "days_since_last_order": {"upper": 90}, "order_count_90d": {"upper": 300, "scale": "log"},
        "sales_value_90d": {"lower": 0, "upper": 9000, "scale": "log"},
    },
})  # fmt: skip


def random_orders(seed: int, customers: int = 12, regulars: float = 0.5) -> dict[str, list[tuple[date, float]]]:
    """Return orders of customers in the first half of 2017, some of whom stop in spring."""
    rng = np.random.default_rng(seed)
    orders: dict[str, list[tuple[date, float]]] = {}
    for number in range(customers):
        end = 181 if rng.random() < regulars else int(rng.integers(40, 181))
        days = sorted(rng.integers(0, end, size=int(rng.integers(2, 20))).tolist())
        orders[f"c_{seed}_{number:05d}"] = [
            (date(2017, 1, 1) + timedelta(day), round(float(rng.gamma(2.0, 20.0)), 2)) for day in days
        ]
    return orders


def window_row(customer: str, orders: Sequence[tuple[date, float]], day: date) -> dict[str, object] | None:
    """Return the row of a customer and a day, counted from the orders up to that day; None before the first one."""
    known = [(on, paid) for on, paid in orders if on <= day]
    if not known:
        return None

    def within(days: int) -> list[float]:
        return [paid for on, paid in known if on > day - timedelta(days)]

    last = max(on for on, _ in known)
    row: dict[str, object] = {
        "customer_id": customer, "as_of": day, "first_order_on": min(on for on, _ in known), "last_order_on": last,
        "days_since_last_order": (day - last).days, "pay_week_spend_share_365d": 0.25, "discount_response_365d": None,
    }  # fmt: skip
    for days in (7, 30, 90, 365):
        row |= {f"order_count_{days}d": len(within(days)), f"sales_value_{days}d": round(sum(within(days)), 2)}
    row["mean_basket_value_90d"] = sum(within(90)) / len(within(90)) if within(90) else None
    row["mean_basket_value_365d"] = sum(within(365)) / len(within(365))
    shares = ("discount_share", "display_line_share", "new_product_share", "home_delivery_share", "pickup_share")
    return row | {f"{name}_90d": 0.5 if within(90) else None for name in shares}


class TrainingMarket:
    """An installation in a folder with the orders of some customers. Everybody permits personalisation at first."""

    def __init__(self, folder: Path, orders: Orders) -> None:
        settings = load_settings(data_dir=folder, time_zone="Asia/Seoul", run_date=date(2017, 6, 30))
        self.installation = Installation(settings, clock=lambda: datetime(2017, 7, 1, 12, tzinfo=UTC))
        # Loaded once for all markets, since it takes most of a test's time.
        self.installation.__dict__["contracts"] = _contracts()
        self._records = 0
        self.write(orders)
        self.state(*orders, state="given")

    def write(self, orders: Orders, days: Sequence[date] = MONTH_ENDS) -> None:
        """Replace the tables by those of these orders."""
        found = (window_row(customer, mine, day) for customer, mine in orders.items() for day in days)
        rows = [row for row in found if row is not None]
        kinds = {"as_of": pa.date32(), "first_order_on": pa.date32(), "last_order_on": pa.date32()}
        schema = pa.schema([(name, kinds.get(name, _kind(name))) for name in rows[0]])
        self.installation.lakehouse.overwrite_rows(TABLE, pa.Table.from_pylist(rows, schema))
        places = [{"customer_id": name, "sido": REGIONS[n % len(REGIONS)]} for n, name in enumerate(sorted(orders))]
        self.installation.lakehouse.overwrite_rows(PLACES, pa.Table.from_pylist(places))

    def state(self, *customers: str, state: str, purpose: str = "personalisation", at: datetime = GIVEN_AT) -> None:
        """Put a statement of each customer on the consent record."""
        records = [
            ConsentRecord(
                record_id=f"r_{self._records + number}", subject_id=customer, controller="Bojagi Mart", purpose=purpose,
                notice_version="1", notice_language="ko", jurisdiction="KR", method="web_form", state=State(state),
                effective_at=at, recorded_at=at, age_years=40, evidence_hash="0" * 64, asked="separately",
            )
            for number, customer in enumerate(customers)
        ]  # fmt: skip
        self._records += len(records)
        self.installation.consent_store.append(records)


def _kind(name: str) -> pa.DataType:
    if name == "customer_id":
        return pa.string()
    return pa.int64() if name.startswith(("days", "order_count")) else pa.float64()


@cache
def _contracts() -> Contracts:
    return load_contracts(BUILT_IN)

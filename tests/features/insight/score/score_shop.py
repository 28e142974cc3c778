"""An installation with made-up measures of customers, models fitted to them, and scores; some permit no use."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from features.insight.model.measure_name import CATEGORY_LISTS
from features.insight.model.target import TARGETS
from features.insight.score.model_table import TABLE as MODELS
from features.insight.score.model_table import fit_models, model_row, models_on
from features.insight.score.score_row import INPUT, TABLE, score_rows
from installation.contract.document import load_contracts
from installation.installation import Installation
from installation.settings import load_settings
from privacy.consent.record import ConsentRecord
from privacy.consent.state import State

TODAY, HORIZON = date(2017, 12, 31), 90
DAYS = (*(date(2017, month, 28) for month in (1, 4, 5, 6, 9)), TODAY)
CUSTOMERS = tuple(f"c_{number:026d}".replace("0", "a").replace("1", "b") for number in range(60))
DENYING = CUSTOMERS[:5]
CATEGORIES = ("Milk", "Bread", "Apples", "Coffee")


def input_rows(seed: int = 3) -> list[dict[str, Any]]:
    """Return rows of gold/customer_score_input in which recency decides about churn, and frequency about spend."""
    draw, rows = random.Random(seed), []
    names = [c.name for c in load_contracts().table(INPUT).columns]
    for customer in CUSTOMERS:
        for day in DAYS:
            row: dict[str, Any] = dict.fromkeys(names, None)
            row |= {name: draw.random() for name in names if name.endswith(("share_90d", "share_365d"))}
            since, orders = draw.randrange(90), draw.randrange(30)
            row |= {
                "customer_id": customer, "as_of": day, "days_since_last_order": float(since), "tenure_days": 200.0,
                "order_count_7d": float(since < 7), "order_count_30d": orders / 3, "order_count_90d": float(orders),
                "order_count_365d": orders * 3.0, "sales_value_30d": orders * 10.0, "sales_value_90d": orders * 30.0,
                "sales_value_365d": orders * 90.0, "store_count_365d": 1.0, "premium_share_90d": draw.random(),
                "is_premium": draw.random() < 0.2, "category_names": list(CATEGORIES[: 1 + orders % 4]),
            }  # fmt: skip
            for name in CATEGORY_LISTS[1:]:
                row[name] = [since + 1] * len(row["category_names"])
            if day + timedelta(HORIZON) <= TODAY:
                is_gone = draw.random() < since / 90
                row |= {
                    "churned": is_gone, "spend_next": 0.0 if is_gone else orders * 25.0 + draw.random(),
                    "buys_next_week": not is_gone and draw.random() < 0.5,
                    "is_premium_next": None if row["is_premium"] else draw.random() < 0.2,
                    "tries_new_category": draw.random() < 0.4,
                    "next_categories": None if is_gone else [draw.choice(row["category_names"])],
                }  # fmt: skip
            rows.append(row)
    return rows


def open_shop(folder: Path) -> Installation:
    """Return the installation with input, models and scores of the customers who permit, and their consents."""
    settings = load_settings(data_dir=folder / "data", secret_dir=folder / "secret", run_date=TODAY)
    shop = Installation(settings, clock=lambda: datetime(2017, 12, 31, 23, tzinfo=UTC))
    contracts, rows = shop.contracts, [row for row in input_rows() if row["customer_id"] not in DENYING]
    table = pa.Table.from_pylist(rows, contracts.table(INPUT).arrow_schema())
    models = fit_models(list(TARGETS), table, TODAY, HORIZON)
    newest = pa.Table.from_pylist([row for row in rows if row["as_of"] == TODAY], table.schema)
    shop.lakehouse.overwrite_rows(INPUT, table)
    shop.lakehouse.overwrite_rows(TABLE, score_rows(models_on(models, TODAY), newest))
    found = pa.Table.from_pylist([model_row(model) for model in models], contracts.table(MODELS).arrow_schema())
    shop.lakehouse.overwrite_rows(MODELS, found)
    keys = [{"token_kind": "member_no", "token": f"t_{name}", "customer_id": name, "previous_customer_id": None}
            for name in CUSTOMERS]  # fmt: skip
    shop.lakehouse.overwrite_rows("silver/identifier", pa.Table.from_pylist(keys))
    for name in CUSTOMERS:
        state(shop, name, "refused" if name in DENYING else "given")
    return shop


def state(shop: Installation, customer: str, answer: str, at: datetime = datetime(2017, 1, 1)) -> None:
    """Put a statement of a customer about personalisation on the consent record."""
    record = ConsentRecord(
        record_id=f"r_{customer}_{answer}", subject_id=customer, controller="Bojagi Mart", purpose="personalisation",
        notice_version="1", notice_language="ko", jurisdiction="KR", method="web_form", state=State(answer),
        effective_at=at, recorded_at=at, age_years=40, evidence_hash="0" * 64, asked="separately",
    )  # fmt: skip
    shop.consent_store.append([record])

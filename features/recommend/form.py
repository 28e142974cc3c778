"""Names and columns of the tables of recommendation."""

from __future__ import annotations

import pyarrow as pa

MODEL, ITEM, CANDIDATE = "gold/recommendation_model", "gold/recommended_item", "gold/customer_recommendation"
ITEM_SCHEMA = pa.schema([
    ("item_id", pa.string()), ("product_type", pa.string()), ("product_category", pa.string()), ("price", pa.float64()),
    ("price_trait", pa.float64()), ("quality_trait", pa.float64()), ("convenience_trait", pa.float64()),
    ("popularity", pa.float64()), ("context_lifts", pa.list_(pa.float64())), ("as_of", pa.date32()),
])  # fmt: skip
CANDIDATE_SCHEMA = pa.schema([
    ("customer_id", pa.string()), ("as_of", pa.date32()), ("versions", pa.list_(pa.string())),
    ("item_ids", pa.list_(pa.string())), ("is_new", pa.list_(pa.int64())), ("scores", pa.list_(pa.float64())),
    ("reasons", pa.list_(pa.string())),
])  # fmt: skip

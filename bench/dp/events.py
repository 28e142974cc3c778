"""Writes the purchase events that all scripts of bench/dp use. Customers differ much in their number of events."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

KEYS = tuple(f"k{at:03d}" for at in range(100))


def write_events(rows: int, path: Path) -> pd.DataFrame:
    """Draw `rows` events (cid, key, amount), write them to a Parquet file and return them.

    There are rows/10 customers, whose activity has a Pareto distribution, and 100 keys. The seed is fixed.
    """
    random = np.random.default_rng(1)
    customers = rows // 10
    weight = random.pareto(1.5, customers) + 1
    cid = random.choice(customers, rows, p=weight / weight.sum())
    key = np.minimum(random.geometric(0.05, rows), 100) - 1
    amount = np.round(np.minimum(random.lognormal(3, 1, rows), 1000), 2)
    frame = pd.DataFrame({"cid": cid.astype("int64"), "key": np.array(KEYS)[key], "amount": amount})
    frame.to_parquet(path, index=False)
    return frame

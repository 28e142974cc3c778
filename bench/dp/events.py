"""Purchase events of customers with very different activity: the table of all of bench/dp."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

KEYS = tuple(f"k{at:03d}" for at in range(100))


def write_events(rows: int, path: Path) -> pd.DataFrame:
    """Write and return `rows` events (cid, key, amount): rows/10 customers, Pareto activity, 100 keys, seeded."""
    random = np.random.default_rng(1)
    customers = rows // 10
    weight = random.pareto(1.5, customers) + 1
    cid = random.choice(customers, rows, p=weight / weight.sum())
    key = np.minimum(random.geometric(0.05, rows), 100) - 1
    amount = np.round(np.minimum(random.lognormal(3, 1, rows), 1000), 2)
    frame = pd.DataFrame({"cid": cid.astype("int64"), "key": np.array(KEYS)[key], "amount": amount})
    frame.to_parquet(path, index=False)
    return frame

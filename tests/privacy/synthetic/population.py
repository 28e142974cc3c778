"""A population with related columns, from which training rows, hold-out rows and honest synthetic rows are drawn.

Fresh rows of the same population are what a perfect generator makes, so they stand for an honest generator of any kind.
"""

import numpy as np
import pyarrow as pa

from privacy.synthetic.specification import Category, Number, Specification
from privacy.synthetic.table_form import TableForm

CITIES = tuple(f"city {number}" for number in range(12))
JOBS = tuple(f"job {number}" for number in range(8))
SPECIFICATION = Specification(
    columns={
        "city": Category(values=CITIES),
        "job": Category(values=JOBS),
        "plan": Category(values=("basic", "full", "none")),
        "age": Number(minimum=18, maximum=90, bins=12, decimals=0),
        "visits": Number(minimum=0, maximum=60, bins=12, decimals=0),
        "spent": Number(minimum=0, maximum=2000, bins=12, decimals=0),
        "income": Category(values=("high", "low")),
    },
)


def draw(rows: int, seed: int) -> pa.Table:
    """Return rows of the population, with an identifier of each person that no specification names."""
    random = np.random.default_rng(seed)
    city = np.minimum(random.geometric(0.3, rows) - 1, 11)
    job = (city // 2 + random.binomial(4, 0.4, rows)) % 8
    age = np.clip(random.normal(35 + 3 * job, 10), 18, 90).astype(int)
    plan = np.where(random.random(rows) < 0.7, city % 3, random.integers(0, 3, rows))
    visits = np.minimum(random.poisson(4 + 3 * plan), 60)
    income = (age + 8 * (job % 2) + random.normal(0, 8, rows) > 48).astype(int)
    return pa.table(
        {
            "member": [f"M-{number:012x}" for number in random.integers(2**48, size=rows)],
            "city": pa.array(CITIES).take(pa.array(city)),
            "job": pa.array(JOBS).take(pa.array(job)),
            "plan": pa.array(["basic", "full", "none"]).take(pa.array(plan)),
            "age": age,
            "visits": visits,
            "spent": np.minimum(random.gamma(2, 40 + 40 * plan), 2000).astype(int),
            "income": pa.array(["low", "high"]).take(pa.array(income)),
        }
    )


def form(table: pa.Table) -> TableForm:
    """Return the columns that are synthesized."""
    return TableForm(table.select(list(SPECIFICATION.columns)), SPECIFICATION)

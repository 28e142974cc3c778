"""Makes random tables and specifications for property tests; equal seeds give equal results."""

from __future__ import annotations

import numpy as np
import pandas as pd

from privacy.anonymity import Spec

MODELS = (
    {"name": "distinct_l", "l": 2},
    {"name": "distinct_l", "l": 3},
    {"name": "entropy_l", "l": 1.8},
    {"name": "recursive_l", "c": 3.0, "l": 2},
    {"name": "t_closeness", "t": 0.35},
    {"name": "t_closeness", "t": 0.2, "distance": "ordered"},
    {"name": "delta_disclosure", "delta": 1.5},
    {"name": "basic_beta", "beta": 1.5},
    {"name": "enhanced_beta", "beta": 1.5},
    {"name": "alpha", "alpha": 0.8},
)


def random_table(seed: int, rows: int | None = None) -> pd.DataFrame:
    """Returns a small skewed table: two quasi-identifiers of few values, an age, one sensitive and one other column."""
    random = np.random.default_rng(seed)
    n = rows or int(random.integers(12, 90))
    letters = np.array(list("abcdefgh"))
    return pd.DataFrame(
        {
            "region": letters[np.minimum(random.geometric(0.4, n) - 1, 7)],
            "sex": random.choice(["f", "m"], n),
            "age": random.integers(18, 18 + int(random.integers(2, 40)), n),
            "illness": random.choice(["cold", "flu", "gout"], n, p=[0.5, 0.3, 0.2]),
            "visits": random.integers(0, 3, n),
        }
    )


def random_spec(seed: int) -> Spec:
    """Returns a random specification: labels, models, effort, and sometimes global recoding, persons or weights."""
    random = np.random.default_rng(seed + 1_000_000)
    models: list[dict[str, object]] = [{"name": "k_anonymity", "k": int(random.integers(1, 7))}]
    chosen = random.choice(len(MODELS), int(random.integers(0, 3)), replace=False)
    models.extend({**MODELS[model], "column": "illness"} for model in chosen)
    tree = {"kind": random.choice(["none", "automatic"]).item(), "fan_out": int(random.integers(2, 5))}
    ages = {"kind": "intervals", "widths": [5, 10, 20]} if random.random() < 0.5 else {"kind": "none"}
    return Spec.model_validate(
        {
            "columns": {
                "region": {"role": "quasi", "hierarchy": tree, "weight": float(random.uniform(0.5, 2))},
                "sex": {"role": "quasi"},
                "age": {"role": "quasi", "is_ordered": True, "hierarchy": ages},
                "illness": {"role": "sensitive"},
                "visits": {"role": "insensitive"},
            },
            "models": models,
            "algorithm": "global" if random.random() < 0.15 else "local",
            "suppression_limit": 0.1 if random.random() < 0.3 else 0.0,
            "seed": seed,
            "effort": int(random.choice([1, 3, 6])),
        }
    )


def break_one_class(published: pd.DataFrame, spec: Spec) -> pd.DataFrame | None:
    """Move one record of the smallest class into a class of its own, so that every k > 1 is broken."""
    if spec.k < 2:
        return None
    broken = published.copy()
    size = published.groupby(list(spec.quasi))[spec.quasi[0]].transform("size")
    broken.loc[size.idxmin(), "region"] = "broken by hand"
    return broken

"""Labels of ranges over fractions are short, and cover the values that the exact labels cover."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from privacy.anonymity import Spec, anonymize
from privacy.anonymity.risk.utility import label_cover
from privacy.anonymity.spec.hierarchy import sort_key
from privacy.anonymity.table import domain
from privacy.anonymity.table.frequency_table import as_text
from privacy.anonymity.table.range_label import covered_places, range_label

SPEC = Spec.model_validate(
    {"columns": {"spent": {"role": "quasi", "is_ordered": True}}, "models": [{"name": "k_anonymity", "k": 5}]}
)


@pytest.mark.parametrize("seed", range(3))
def test_a_rounded_label_covers_the_same_values(seed: int) -> None:
    random = np.random.default_rng(seed)
    numbers = [*random.normal(0, 10.0 ** random.integers(-6, 6), 60), -0.05, 0.0, 1e-7, 12, 1.5e12 + 0.25]
    values = sorted({*map(str, map(float, numbers)), "(missing)", "inf"}, key=sort_key)
    place = {value: at for at, value in enumerate(values)}
    for low in range(len(values)):
        for high in range(low + 1, len(values)):
            assert covered_places(range_label(values, low, high), values, place) == (low, high)


def test_a_release_publishes_no_fraction_with_all_its_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    table = pd.DataFrame({"spent": np.random.default_rng(1).normal(0, 1, 200)})
    made = anonymize(table, SPEC)
    texts = as_text(table["spent"])
    cover = label_cover(texts, list(made.table["spent"].unique()))
    assert all(text in cover[label] for text, label in zip(texts, made.table["spent"], strict=True))
    assert max(map(len, made.table["spent"])) < 20
    assert not any(text in label for text in texts for label in cover)
    # Negative control: ranges that end at the values themselves, as before.
    monkeypatch.setattr(domain, "range_label", lambda values, low, high: f"[{values[low]}-{values[high]}]")
    exact = anonymize(table, SPEC)
    assert exact.loss == made.loss
    assert any(text in label for text in texts for label in exact.table["spent"].unique())

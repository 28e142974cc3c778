"""Labels of classes cover the codes of their members and no others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from privacy.anonymity import Spec
from privacy.anonymity.search.allocation import make_labels
from privacy.anonymity.table.frequency_table import FrequencyTable, tabulate

CITIES = 150
"""More than fit in two words of a set."""


def table_of(rows: int) -> FrequencyTable:
    random = np.random.default_rng(rows)
    cities = np.r_[np.arange(CITIES), random.integers(0, CITIES, rows)]
    frame = pd.DataFrame({"city": cities.astype(str), "age": random.integers(20, 70, len(cities))})
    columns = {"city": {"role": "quasi"}, "age": {"role": "quasi", "is_ordered": True}}
    return tabulate(frame, Spec.model_validate({"columns": columns, "models": [{"name": "k_anonymity", "k": 2}]})).table


@pytest.mark.parametrize("groups", [1, 3, 90])
def test_a_label_covers_the_values_of_its_members_and_no_others(groups: int) -> None:
    table = table_of(400)
    random = np.random.default_rng(groups)
    unit = np.r_[np.arange(len(table.count)), random.integers(0, len(table.count), 50)]
    group = np.r_[np.arange(groups), random.integers(0, groups, len(unit) - groups)]
    labels = make_labels(table, unit, group)
    assert labels.shape == (groups, 2)
    for a in range(groups):
        for j, domain in enumerate(table.domains):
            assert labels[a, j] == domain.label(table.codes[unit[group == a], j])

"""The default effort of the search: smaller for larger tables, and larger for models about shares."""

import numpy as np
import pandas as pd

from privacy.anonymity import Spec, anonymize
from privacy.anonymity.search.local_recoding import MOST_EFFORT, USUAL_EFFORT, effort_for
from privacy.anonymity.table.frequency_table import tabulate

COLUMNS = {"age": {"role": "quasi", "is_ordered": True}, "place": {"role": "quasi", "is_ordered": True}}


def effort_of(combinations: int, t: float | None = None, **named: int) -> int:
    """Returns the effort for a table of so many different rows, each twice; with `t`, t-closeness is a model too."""
    number = np.repeat(np.arange(combinations), 2)
    frame = pd.DataFrame({"age": number % 500, "place": number // 500, "illness": number % 3})
    models: list[dict[str, object]] = [{"name": "k_anonymity", "k": 2}]
    if t is not None:
        models.append({"name": "t_closeness", "t": t, "column": "illness"})
    columns = {**COLUMNS, "illness": {"role": "sensitive"}}
    spec = Spec.model_validate({"columns": columns, "models": models, **named})
    return effort_for(tabulate(frame, spec).table, spec)


def test_larger_tables_get_less_effort_unless_the_specification_names_it() -> None:
    assert effort_of(1_000) == effort_of(15_000) == USUAL_EFFORT
    assert [effort_of(size) for size in (30_000, 100_000, 250_000)] == [4, 2, 1]
    assert effort_of(250_000, effort=8) == 8


def test_models_about_shares_get_more_effort_in_small_tables() -> None:
    assert [effort_of(size, t=0.2) for size in (500, 5_000, 15_000, 100_000)] == [MOST_EFFORT, 10, USUAL_EFFORT, 2]
    assert effort_of(500, t=0.2, effort=3) == 3


def test_a_table_that_satisfies_shares_as_it_is_loses_nothing() -> None:
    columns = {"age": {"role": "quasi"}, "illness": {"role": "sensitive"}}
    frame = pd.DataFrame({"age": ["30", "40"] * 6, "illness": ["flu", "flu", "cold", "cold"] * 3})
    for name, limit in (("t_closeness", "t"), ("delta_disclosure", "delta"), ("basic_beta", "beta")):
        model = {"name": name, limit: 0.2, "column": "illness"}
        spec = Spec.model_validate({"columns": columns, "models": [{"name": "k_anonymity", "k": 3}, model]})
        assert anonymize(frame, spec).loss == 0

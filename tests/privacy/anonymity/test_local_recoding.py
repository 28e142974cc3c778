"""How much the search of a table does when nobody says how much."""

import numpy as np
import pandas as pd

from privacy.anonymity import Spec
from privacy.anonymity.local_recoding import USUAL_EFFORT, effort_for
from privacy.anonymity.table import tabulate

COLUMNS = {"age": {"role": "quasi", "is_ordered": True}, "place": {"role": "quasi", "is_ordered": True}}


def effort_of(combinations: int, **named: int) -> int:
    """Effort for a table of so many different rows, each twice."""
    number = np.repeat(np.arange(combinations), 2)
    frame = pd.DataFrame({"age": number % 500, "place": number // 500})
    spec = Spec.model_validate({"columns": COLUMNS, "models": [{"name": "k_anonymity", "k": 2}], **named})
    return effort_for(tabulate(frame, spec).table, spec)


def test_larger_tables_get_less_effort_unless_it_is_named() -> None:
    assert effort_of(1_000) == effort_of(15_000) == USUAL_EFFORT
    assert [effort_of(size) for size in (30_000, 100_000, 250_000)] == [4, 2, 1]
    assert effort_of(250_000, effort=8) == 8

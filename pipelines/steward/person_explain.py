"""Why two people of the lakehouse are, or are not, one: the kept model on their register entries, in memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from installation.lakehouse.lakehouse import Lakehouse
from pipelines.matching.default_value import forget_alike, forget_defaults
from pipelines.matching.errors import IdentityError
from pipelines.matching.explain import Explanation, explain
from pipelines.matching.model_text import read_model
from pipelines.matching.resolve import Options
from pipelines.matching.sketch import TABLE
from pipelines.register.decision import Key
from pipelines.register.person_batch import Desk
from pipelines.register.person_match import open_private_workspace
from pipelines.register.person_record import PersonRecords

MODEL = "silver/identity_model"


class NothingToExplainError(IdentityError):
    """There is no model yet, or no register entry to compare."""


def explain_persons(
    lakehouse: Lakehouse, persons: PersonRecords, first: Sequence[Key], second: Sequence[Key]
) -> Explanation:
    """Explain the best-described entries of two people, each named by keys.

    Raises:
        NothingToExplainError: no model was trained, one of them stands in no register, or both are one entry.
    """
    models = lakehouse.rows(MODEL).to_pandas().sort_values("trained_at")
    model = read_model(models["parameters"].iloc[-1]) if len(models) else None
    if model is None:
        raise NothingToExplainError("No model is kept that this version can use; run `bojagi run` first.")
    rows = _best_entry(persons, first), _best_entry(persons, second)
    if rows[0] == rows[1]:
        raise NothingToExplainError("Both references mean the same register entry; name two.")
    options = Options()
    with open_private_workspace(options) as workspace:
        # Frequencies are counted over the sketches of all; only these two are read in clear.
        desk = Desk(workspace, persons, persons.everybody, model, options)
        desk.sketch(np.asarray(rows, dtype=np.int64))
        forget_defaults(workspace, TABLE)
        forget_alike(workspace, "person", TABLE)
        return explain(workspace, model, *rows, stand_ins=TABLE)


def _best_entry(persons: PersonRecords, keys: Sequence[Key]) -> int:
    place = pd.MultiIndex.from_frame(persons.frame[["kind", "token"]]).get_indexer(pd.MultiIndex.from_tuples(keys))
    found = sorted(int(row) for row in place if row >= 0)
    if not found:
        raise NothingToExplainError("One of the two stands in no register of people; there is nothing to compare.")
    if len(found) == 1:
        return found[0]
    said = persons.describe(np.asarray(found, dtype=np.int64)).notna().sum(axis=1)
    return found[int(said.to_numpy().argmax())]

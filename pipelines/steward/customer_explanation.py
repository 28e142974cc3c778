"""Explains the match weight of two people of the lakehouse, by the stored model and their register entries."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from installation.lakehouse.lakehouse import Lakehouse
from pipelines.matching.default_value import clear_default_values, clear_values_null_in
from pipelines.matching.errors import IdentityError
from pipelines.matching.explanation import Explanation, explain
from pipelines.matching.model_json import read_model
from pipelines.matching.resolution import Options
from pipelines.matching.sketch import TABLE
from pipelines.register.batch_matching import RegisterWorkspace
from pipelines.register.decision import Key
from pipelines.register.entry_matching import open_private_workspace
from pipelines.register.register_entry import RegisterEntries

MODEL = "silver/identity_model"


class NothingToExplainError(IdentityError):
    """There is no stored model, or no register entry to compare."""


def explain_persons(
    lakehouse: Lakehouse, persons: RegisterEntries, first: Sequence[Key], second: Sequence[Key]
) -> Explanation:
    """Return the explanation of the match weight of two people, each given by matching keys.

    The register entry with the most values of each person is compared. Only the entries of these two people, and
    entries without a current sketch, are decrypted, in memory.

    Raises:
        NothingToExplainError: there is no stored model, a person has no register entry, or both have the same one.
    """
    models = lakehouse.rows(MODEL).to_pandas().sort_values("trained_at")
    model = read_model(models["parameters"].iloc[-1]) if len(models) else None
    if model is None:
        raise NothingToExplainError(
            "silver/identity_model has no model that this version can use. Run `bojagi run`; it trains one."
        )
    rows = _best_entry(persons, first), _best_entry(persons, second)
    if rows[0] == rows[1]:
        raise NothingToExplainError(
            "Both references mean the same register entry. Name two people, for example by their member numbers."
        )
    options = Options()
    with open_private_workspace(options) as connection:
        # Term frequencies are counted over the sketches of all entries.
        workspace = RegisterWorkspace(connection, persons, persons.all_rows, model, options)
        workspace.load_sketches(np.asarray(rows, dtype=np.int64))
        clear_default_values(connection, TABLE)
        clear_values_null_in(connection, "person", TABLE)
        return explain(connection, model, *rows, frequency_table=TABLE)


def _best_entry(persons: RegisterEntries, keys: Sequence[Key]) -> int:
    """Return the row of the entry with the most values among the entries that have one of the keys."""
    rows = pd.MultiIndex.from_frame(persons.frame[["kind", "token"]]).get_indexer(pd.MultiIndex.from_tuples(keys))
    found = sorted(int(row) for row in rows if row >= 0)
    if not found:
        raise NothingToExplainError(
            "One of the two people has no entry in a register of people, so there is nothing to compare. "
            "Name a person who has a member or card number."
        )
    if len(found) == 1:
        return found[0]
    value_count = persons.describe(np.asarray(found, dtype=np.int64)).notna().sum(axis=1)
    return found[int(value_count.to_numpy().argmax())]

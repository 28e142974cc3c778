"""Reports whether two people of the lakehouse are one, by the stored model and their register entries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from installation.lakehouse.lakehouse import Lakehouse
from pipelines.matching.comparison_column import name_by_columns
from pipelines.matching.default_value import clear_default_values, clear_values_null_in
from pipelines.matching.errors import IdentityError
from pipelines.matching.explanation import explain
from pipelines.matching.mapping import Mapping as PartColumns
from pipelines.matching.model_json import read_model
from pipelines.matching.pair_report import PairReport, explains_match, report_pair
from pipelines.matching.resolution import Options
from pipelines.matching.sketch import TABLE
from pipelines.register.batch_matching import RegisterWorkspace
from pipelines.register.decision import Decision, Key
from pipelines.register.entry_matching import no_pairs, open_private_workspace
from pipelines.register.register_entry import RegisterEntries

MODEL = "silver/identity_model"


Shown = Callable[[str, str], Mapping[str, str | None]]
"""Returns the values of the entry of a source with a token that may be shown, by part."""


class NothingToExplainError(IdentityError):
    """There is no stored model, or no register entry to compare."""


@dataclass(frozen=True)
class Person:
    """A person who is compared.

    Attributes:
        keys: matching keys by which a steward named the person.
        customer_id: customer id of the person now.
        all_keys: all matching keys of the customer.
    """

    keys: Sequence[Key]
    customer_id: str
    all_keys: Sequence[Key]


def explain_persons(
    lakehouse: Lakehouse,
    persons: RegisterEntries,
    first: Person,
    second: Person,
    shown: Shown = lambda *_: {},
    names: Mapping[str, str] | None = None,
    decisions: Sequence[Decision] = (),
) -> PairReport:
    """Return the report of two people.

    The register entry with the most values of each person is compared. Only the entries of these two people, and
    entries without a current sketch, are decrypted, in memory. Further entries of the same customers are decrypted only
    where the match weight of the two does not explain why they are one customer or two.

    Args:
        lakehouse: where the stored model is.
        persons: all register entries.
        first: one person.
        second: the other person.
        shown: returns the values that may be shown.
        names: names of the parts as people know them (see `shown_columns`).
        decisions: all decisions of stewards.

    Raises:
        NothingToExplainError: there is no stored model, a person has no register entry, or both have the same one.
    """
    models = lakehouse.rows(MODEL).to_pandas().sort_values("trained_at")
    model = read_model(models["parameters"].iloc[-1]) if len(models) else None
    if model is None:
        raise NothingToExplainError(
            "silver/identity_model has no model that this version can use. Run `bojagi run`; it trains one."
        )
    rows = _best_entry(persons, first.keys), _best_entry(persons, second.keys)
    entries = _entries(persons, first.all_keys), _entries(persons, second.all_keys)
    group = np.full(len(persons), -1, dtype=np.int64)
    group[entries[1]], group[entries[0]] = 1, 0
    group[rows[1]] = 0 if first.customer_id == second.customer_id else 1
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
        found = explain(connection, model, *rows, frequency_table=TABLE)
        pairs = no_pairs()
        if explains_match(found) != bool(group[rows[0]] == group[rows[1]]):
            workspace.load_decrypted(np.union1d(*entries))
            pairs = workspace.score_decrypted()

    names = {part: part for part in persons.part_names} | dict(names or {})

    def describe(row: int) -> tuple[str, Mapping[str, str | None]]:
        kind, token, source = (str(persons.frame[name].iloc[row]) for name in ("kind", "token", "source"))
        return f"{kind}:{token}", {names[part]: value for part, value in shown(source, token).items()}

    found = name_by_columns(found, _renamed(persons.mapping, names), (describe(rows[0])[1], describe(rows[1])[1]))
    report = report_pair(found, group, pairs, rows, describe, _decided(decisions, first, second))
    if report.is_together and not report.link_path and not report.reason and not explains_match(found):
        return replace(report, reason="an equal member number, card number, or name with phone joins them")
    return report


def _renamed(mapping: PartColumns, names: Mapping[str, str]) -> PartColumns:
    parts = {part: tuple(names[column] for column in columns) for part, columns in mapping.parts().items()}
    return mapping.model_copy(update=parts)


def _decided(decisions: Sequence[Decision], first: Person, second: Person) -> str | None:
    """Return the newest decision about the two customers as a reason; None if there is none that agrees."""
    mine, theirs = set(first.all_keys), set(second.all_keys)
    verdict = "same" if first.customer_id == second.customer_id else "different"
    for decision in reversed(decisions):
        left, right = set(decision.left), set(decision.right)
        is_about = (left & mine and right & theirs) or (left & theirs and right & mine)
        if is_about and decision.verdict == verdict:
            return f"of the steward's decision {decision.decision_id}"
    return None


def _entries(persons: RegisterEntries, keys: Sequence[Key]) -> NDArray[np.int64]:
    """Return the rows of the entries that have one of the keys."""
    rows = pd.MultiIndex.from_frame(persons.frame[["kind", "token"]]).get_indexer(pd.MultiIndex.from_tuples(keys))
    return np.unique(rows[rows >= 0]).astype(np.int64)


def _best_entry(persons: RegisterEntries, keys: Sequence[Key]) -> int:
    """Return the row of the entry with the most values among the entries that have one of the keys."""
    found = [int(row) for row in _entries(persons, keys)]
    if not found:
        raise NothingToExplainError(
            "One of the two people has no entry in a register of people, so there is nothing to compare. "
            "Name a person who has a member or card number."
        )
    if len(found) == 1:
        return found[0]
    value_count = persons.describe(np.asarray(found, dtype=np.int64)).notna().sum(axis=1)
    return found[int(value_count.to_numpy().argmax())]

"""States why a table may not be moved to its contract, whatever its rows are.

Consents, data keys and the suppression list know a person by matching keys. A change that gives the same person other
matching keys would lose an objection or bring an erased person back, so it is refused where somebody is concerned.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from installation.contract.document import Contract, arrow_type
from pipelines.erasure.legal_record import is_kept_by_law
from pipelines.ingest.suppressed_row import HAS_ROWS
from pipelines.migration.row_change import RETYPED, RowChange
from pipelines.table_form.change import ChangeKind, Difference
from privacy.protection.source_person import Protection


def refusals(contract: Contract, difference: Difference, change: RowChange, rows: int) -> tuple[str, ...]:
    """Return the reasons for which the table may not be migrated; empty if it may. A table without rows may always."""
    if not rows:
        return ()
    return tuple(
        dict.fromkeys(
            [
                *_person(contract, difference),
                *_erased(contract, difference, change),
                *_corrected(contract, difference, change.protection),
                *_values(contract, difference),
            ]
        )
    )


def _person(contract: Contract, difference: Difference) -> Iterator[str]:
    subjects = difference.of(ChangeKind.SUBJECT)
    renamed = [
        name
        for name in difference.of(ChangeKind.RENAMED)
        if name == contract.subject_key and contract.column(name).token is None
    ]
    if contract.subject_key in difference.of(ChangeKind.TOKEN) or subjects or renamed:
        yield (
            "the subject key changes, by which consents, data keys and erasures know the persons of this source. Keep "
            "the subject key and its kind of token, or load the files as a new source under another name"
        )


def _erased(contract: Contract, difference: Difference, change: RowChange) -> Iterator[str]:
    suppression = change.protection.suppression
    if not suppression:
        return
    changed = [*difference.of(ChangeKind.TOKEN, ChangeKind.REFERENCE)]
    gone = [
        name
        for name in difference.of(ChangeKind.DROPPED)
        if (form := difference.before.columns[name]).token is not None or form.reference is not None
    ]
    added = {name for name in difference.of(ChangeKind.TOKEN) if not difference_had_token(difference, name)}
    lost = [name for name in changed if name not in added] + gone
    if lost:
        yield (
            f"erased persons are known by {', '.join(dict.fromkeys(lost))}: with other matching keys a load could "
            "bring them back. Keep the column with its token and touchpoint role"
        )
    if added and is_kept_by_law(contract):
        yield (
            f"{', '.join(sorted(added))} would get matching keys in rows of erased persons, which the law keeps "
            "without them. Leave out the token"
        )
    if change.is_hashed_anew and suppression.lists(HAS_ROWS, contract.name):
        yield (
            "rows of erased persons are known by their hash, which this change would alter, so a load could bring them "
            "back. Leave the columns as they are, and add a new column"
        )


def difference_had_token(difference: Difference, name: str) -> bool:
    """Return whether a column of the contract had a token in the table."""
    former = difference.before.columns.get(difference.origin.get(name, name))
    return former is not None and former.token is not None


def _corrected(contract: Contract, difference: Difference, protection: Protection) -> Iterator[str]:
    if protection.corrections is None or contract.subject_key is None:
        return
    changed = {difference.origin.get(n, n) for n in difference.of(*RETYPED, ChangeKind.RENAMED, ChangeKind.FILLED)}
    corrected = {one.column for one in protection.corrections.of_source(contract.name)} & changed
    if corrected:
        yield (
            f"persons had values of {', '.join(sorted(corrected))} corrected, and a correction is for a column of this "
            "name and type. Keep the column, and add a new one"
        )


def _values(contract: Contract, difference: Difference) -> Iterator[str]:
    for name in difference.of(*RETYPED):
        before = arrow_type(difference.before.columns[difference.origin[name]].type)
        after = arrow_type(contract.column(name).spark_type)
        if pa.types.is_nested(before) or pa.types.is_nested(after):
            yield (
                f"{name} changes from {difference.before.columns[difference.origin[name]].type} to "
                f"{contract.column(name).spark_type}, and nested values are not converted. Give the new form another "
                "name"
            )
    for name in difference.of(ChangeKind.ADDED):
        column = contract.column(name)
        if column.required and column.absent_value is None:
            yield (f"{name} is required, and the rows have no value for it. Make it optional, or state its absentValue")

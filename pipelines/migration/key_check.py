"""Counts the keys of a changed primary key that occur in more than one row."""

from __future__ import annotations

from deltalake import DeltaTable

from installation.contract.document import Contract
from installation.lakehouse.rows import quoted, select
from pipelines.table_form.change import Difference


def repeated_keys(contract: Contract, difference: Difference, delta: DeltaTable) -> int:
    """Return how many keys of the contract's primary key occur in more than one row of the table.

    An encrypted column counts by its matching key. 0 if a column of the key is new, because it has no values yet.
    """
    names = []
    for name in contract.primary_key:
        former = difference.origin.get(name)
        if former is None:
            return 0
        form = difference.before.columns[former]
        names.append(f"{former}_token" if form.encrypted and form.token is not None else former)
    if not names:
        return 0
    counts = select(delta, f"{quoted(names)}, count(*) AS n", f"true GROUP BY {quoted(names)}")
    return sum(count > 1 for count in counts["n"].to_pylist())

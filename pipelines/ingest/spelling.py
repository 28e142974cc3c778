"""Writes the spellings of a text column's values as the contract's values, and fills in its absent value."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from installation.contract.document import Column
from privacy.contract.spelling import spelling_key


def with_contract_values(values: pa.Array, column: Column) -> pa.Array:
    """Return the values of a text column with each known spelling as the value that it means; others unchanged.

    A null becomes the column's `absentValue`, if the contract states one. Each distinct text is looked up once.
    """
    if column.spellings:
        coded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
        texts = coded.dictionary.to_pylist()
        meant = [column.spellings.get(spelling_key(text), text) for text in texts]
        if meant != texts:
            values = pa.array(meant, pa.string()).take(coded.indices)
    return values if column.absent_value is None else pc.fill_null(values, column.absent_value)

"""Replaces values that persons had corrected, in the rows of a load before they are encrypted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from installation.contract.document import Contract, arrow_type
from privacy.protection.correction_list import CorrectionList, StoredCorrection
from privacy.protection.source_person import Protection, known_persons

Rows: TypeAlias = npt.NDArray[np.int64]


def with_corrections(
    contract: Contract, columns: Mapping[str, pa.Array], protection: Protection
) -> dict[str, pa.Array]:
    """Return the columns with corrected values, and the tokens of these values.

    Args:
        contract: the contract of the source.
        columns: the contract's columns in their types, and the tokens, of all rows.
        protection: has the corrections and the tokenizer.
    """
    result = dict(columns)
    corrections = protection.corrections
    if corrections is None or contract.subject_key is None:
        return result
    stored = corrections.of_source(contract.name)
    if not stored:
        return result
    persons = known_persons(contract, columns, protection.tokens).cast(pa.string())
    for name in sorted({one.column for one in stored} & result.keys()):  # a column may have been dropped
        of_person = {one.person: one for one in stored if one.column == name}
        rows = np.flatnonzero(pc.is_in(persons, value_set=pa.array(list(of_person), pa.string())).to_numpy(False))
        replaced = _replacements(result[name], persons, rows, of_person, corrections)
        if replaced:
            result |= _replaced(contract, name, result, replaced, protection)
    return result


def _replacements(
    values: pa.Array, persons: pa.Array, rows: Rows, of_person: Mapping[str, StoredCorrection], known: CorrectionList
) -> dict[int, str | None]:  # fmt: skip
    """Return the corrected value of each row whose value is one of those that were wrong."""
    texts = values.cast(pa.string())
    found: dict[int, str | None] = {}
    for row in rows.tolist():
        correction = of_person[persons[row].as_py()]
        if known.mark(texts[row].as_py()) in correction.replaces:
            found[row] = correction.value
    return found


def _replaced(
    contract: Contract,
    name: str,
    columns: Mapping[str, pa.Array],
    values: Mapping[int, str | None],
    protection: Protection,
) -> dict[str, pa.Array]:
    column = contract.column(name)
    target = arrow_type(column.spark_type)
    before = columns[name].cast(target)
    mask = np.zeros(len(before), np.bool_)
    mask[list(values)] = True
    fresh = pa.array([values[row] for row in sorted(values)], pa.string()).cast(target)
    made = {name: pc.replace_with_mask(before, pa.array(mask), fresh)}
    if column.token and column.token_name:
        made[column.token_name] = protection.tokens.tokens(column.token, made[name])
    if column in contract.flagged_columns:
        sound = pa.array(np.ones(len(values), np.bool_))
        made[column.flag_name] = pc.replace_with_mask(columns[column.flag_name], pa.array(mask), sound)
    return made

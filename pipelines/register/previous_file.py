"""Reads the customer ids of an earlier output of `bojagi identity resolve`, and finds its rows in a new file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.matching.errors import SourceFileError
from pipelines.matching.mapping import IDENTIFYING, Mapping
from pipelines.matching.person_file import read_person_file
from pipelines.register.customer_id import is_opaque_id
from pipelines.register.key_index import positions

Ints = NDArray[np.int64]
ID_COLUMN = "customer_id"
"""Column of a file's customer ids."""
OWN_ID_COLUMN = "bojagi_customer_id"
"""Column of the customer ids where the file has a column `customer_id` of its own."""
# Parts of which one equal value shows that a record id still means the same person. One half of a name does not.
_TELLING = tuple(part for part in IDENTIFYING if part not in ("given_name", "surname"))


@dataclass(frozen=True)
class PreviousRows:
    """Rows of earlier outputs.

    Attributes:
        frame: the rows without their customer ids; every column is text or null.
        ids: the customer id of each row.
        notes: messages about the files, without personal data.
    """

    frame: pd.DataFrame
    ids: pd.Series
    notes: tuple[str, ...] = ()


def id_columns(frame: pd.DataFrame) -> list[str]:
    """Return the columns whose values all have the form of Bojagi's customer ids."""
    filled = {column: frame[column].dropna() for column in frame.columns}
    return [
        name
        for name, values in filled.items()
        if len(values) and is_opaque_id(values.iloc[0]) and values.map(is_opaque_id).all()
    ]


def free_id_column(columns: Sequence[str]) -> str:
    """Return the name of the new column of customer ids, which no column of the file has (in upper or lower case).

    >>> free_id_column(["id", "Customer_ID"])
    'bojagi_customer_id'
    """
    taken = {column.strip().casefold() for column in columns}
    names = [ID_COLUMN, OWN_ID_COLUMN, *(f"{OWN_ID_COLUMN}_{n}" for n in range(2, len(taken) + 2))]
    return next(name for name in names if name not in taken)


def read_previous(paths: Sequence[Path]) -> PreviousRows:
    """Read the rows of earlier outputs, or of small files with a record id and a `customer_id` a row.

    The ids are in the last column of Bojagi's ids, and without one in `customer_id`. Rows without an id are left out.
    Of a row that several files have, the last file counts.

    Raises:
        SourceFileError: a file cannot be read, or has no customer ids.
    """
    rows = [_read(path) for path in reversed(paths)]
    frame = pd.concat([r.frame for r in rows], ignore_index=True).astype(object)
    frame = frame.where(frame.notna(), None)
    text, file = _text(frame, list(frame.columns)), np.repeat(np.arange(len(rows)), [len(r.ids) for r in rows])
    is_first = ~pd.DataFrame({"text": text, "nth": text.groupby([text, file]).cumcount()}).duplicated()
    ids = pd.concat([r.ids for r in rows], ignore_index=True)[is_first].reset_index(drop=True)
    return PreviousRows(frame[is_first].reset_index(drop=True), ids, tuple(note for r in rows for note in r.notes))


def _read(path: Path) -> PreviousRows:
    frame = read_person_file(path)
    own = id_columns(frame)
    column = own[-1] if own else ID_COLUMN
    if column not in frame.columns:
        raise SourceFileError(
            f"{path.name}: no column of customer ids; expected an output of `bojagi identity resolve`, or a file with "
            f"a record id and a {ID_COLUMN} in each row. Check --previous."
        )
    frame = frame[frame[column].notna()].reset_index(drop=True)
    foreign = f"The ids in the column {column} of {path.name} were not made by Bojagi. They are kept as customer ids."
    return PreviousRows(frame.drop(columns=column), frame[column].astype(object), () if own else (foreign,))


def find_rows(frame: pd.DataFrame, previous: PreviousRows, mapping: Mapping) -> Ints:
    """Return for each row the position of its earlier row; -1 for a new row.

    A row is found by equal values in all columns that both files have, or by its record id, if one identifying value is
    equal as well. Where record ids are new in each export, rows are found by their other values: most rows that are
    left must be found so, because a new row may repeat the values of an earlier one. Rows with equal values are
    numbered in their order.

    Raises:
        SourceFileError: the files have neither the record id nor an identifying column in common.
    """
    shared = [column for column in frame.columns if column in previous.frame.columns]
    identifying = [c for part in IDENTIFYING for c in getattr(mapping, part) if c in shared]
    by_id = mapping.record_id in shared
    if not identifying and not by_id:
        raise SourceFileError(
            "The file of --previous has neither the record id nor a name, birth date, phone, e-mail, identifier or "
            f"device column of the input; its columns are {', '.join(previous.frame.columns)}. Give an output that was "
            "made from the same columns."
        )
    found = np.full(len(frame), -1, dtype=np.int64)
    without_id = [c for c in shared if c != mapping.record_id]
    is_whole = len(shared) == len(frame.columns)
    if not by_id:
        return _match_equal(found, frame, previous, without_id, is_whole=is_whole)
    found = _match_equal(found, frame, previous, shared, is_whole=is_whole)
    left = int((found < 0).sum())
    if identifying and left:
        by_values = _match_equal(found, frame, previous, without_id, is_whole=is_whole)
        if int((by_values < 0).sum()) < left / 2:
            found = by_values
    return _match_record_id(found, frame, previous, mapping, shared)


def _match_equal(
    found: Ints, frame: pd.DataFrame, previous: PreviousRows, columns: Sequence[str], *, is_whole: bool
) -> Ints:
    """Return the earlier rows with those of equal columns added, for rows that are not found yet.

    Where the columns are not the whole row, equal rows with several customer ids are left out: the missing columns may
    tell them apart.
    """
    found = found.copy()
    rows, old = _left(found, len(previous.ids))
    text, former = _text(frame, columns).iloc[rows], _text(previous.frame, columns).iloc[old]
    if not is_whole:
        ids = previous.ids.iloc[old].groupby(former.to_numpy()).transform("nunique").to_numpy()
        old, former = old[ids == 1], former[ids == 1]
    at = positions(_numbered(former), _numbered(text))
    found[rows[at >= 0]] = old[at[at >= 0]]
    return found


def _match_record_id(
    found: Ints, frame: pd.DataFrame, previous: PreviousRows, mapping: Mapping, shared: Sequence[str]
) -> Ints:
    """Return the earlier rows with those of equal record ids added, where the id occurs once and one value is equal."""
    found = found.copy()
    keys = [c for c in (mapping.source, mapping.record_id) if c is not None and c in shared]
    rows, old = _left(found, len(previous.ids))
    text, former = _text(frame, keys), _text(previous.frame, keys)
    rows = rows[(frame[mapping.record_id].notna() & ~text.duplicated(keep=False)).to_numpy()[rows]]
    old = old[~former.duplicated(keep=False).to_numpy()[old]]
    at = positions(pa.array(former.iloc[old], pa.string()), pa.array(text.iloc[rows], pa.string()))
    rows, old = rows[at >= 0], old[at[at >= 0]]
    telling = [(column,) for part in _TELLING for column in getattr(mapping, part)]
    whole_name = (*mapping.given_name, *mapping.surname)
    agrees = np.zeros(len(rows), dtype=bool)
    for columns in [*telling, *([whole_name] if mapping.given_name and mapping.surname else [])]:
        if set(columns) <= set(shared):
            mine, theirs = (_bare(f, columns) for f in (frame.iloc[rows], previous.frame.iloc[old]))
            agrees |= (mine == theirs) & (mine != "")
    found[rows[agrees]] = old[agrees]
    return found


def _left(found: Ints, count: int) -> tuple[Ints, Ints]:
    """Return the rows that are not found yet, and the earlier rows that no row was found for."""
    is_free = np.ones(count, dtype=bool)
    is_free[found[found >= 0]] = False
    return np.flatnonzero(found < 0), np.flatnonzero(is_free)


def _text(frame: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    """Return one text per row, made of its values; null counts as empty."""
    values = [pc.fill_null(pa.array(frame[column], pa.string()), "") for column in columns]
    return pd.Series(pc.binary_join_element_wise(*values, "\x1f").to_pandas(), dtype=object)


def _numbered(text: pd.Series) -> pa.Array:
    """Return the texts with a number each, so that equal texts differ."""
    nth = text.groupby(text.to_numpy()).cumcount().astype(str)
    return pa.array(text + "\x1f" + nth, pa.string())


def _bare(frame: pd.DataFrame, columns: Sequence[str]) -> NDArray[np.object_]:
    """Return the letters and digits of each row's values, in lower case."""
    joined = frame[list(columns)].fillna("").agg("".join, axis=1) if len(frame) else pd.Series(dtype=object)
    return joined.map(lambda text: "".join(c for c in text.casefold() if c.isalnum())).to_numpy(dtype=object)

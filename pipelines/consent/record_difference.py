"""Finds the landed consent records that are new or differ from the stored ones, in Arrow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from privacy.consent.rows import RECORD_SCHEMA

CORRECTION = ":correction:"
"""Separator in the id of a correction, between the id of the landed record and the number of the correction."""
_NOT_COMPARED = ("record_id", "recorded_at", "supersedes", "note", "recorded_by")
"""Columns that differ in a correction; all other columns are equal to those of the landed record."""
COMPARED = tuple(name for name in RECORD_SCHEMA.names if name not in _NOT_COMPARED)


@dataclass(frozen=True)
class RecordDifference:
    """The landed rows that must be added to the consent record, as new records or as corrections.

    Attributes:
        new: rows whose identifier is in no stored record.
        changed: rows that differ from the newest stored record of their identifier.
        stored: record_id and recorded_at of that newest record, in the order of the rows of `changed`.
    """

    new: pa.Table
    changed: pa.Table
    stored: pa.Table


def find_differences(landed: pa.Table, stored: pa.Table) -> RecordDifference:
    """Compare landed records with the stored ones; return the new and the changed ones.

    Args:
        landed: columns of `RECORD_SCHEMA`; one row per record_id.
        stored: columns of `RECORD_SCHEMA` in the order of recording. The newest record of a landed identifier is its
            last correction, or the record itself.
    """
    newest = _newest(landed["record_id"], stored["record_id"])
    is_new = pa.array(newest < 0)
    known = landed.filter(pc.invert(is_new))
    before = stored.take(pa.array(newest[newest >= 0]))
    differs = np.zeros(len(known), dtype=bool)
    for name in COMPARED:
        differs |= _differs(known[name], before[name])
    changed = pa.array(differs)
    return RecordDifference(
        landed.filter(is_new), known.filter(changed), before.filter(changed).select(["record_id", "recorded_at"])
    )


def _newest(landed: pa.ChunkedArray, stored: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Return for each landed identifier the last stored row that has it or corrects it; -1 if there is none."""
    origins = pc.replace_substring_regex(stored, f"{CORRECTION}.*", "")
    place = pc.fill_null(pc.index_in(origins, value_set=landed), -1).to_numpy().astype(np.int64)
    newest = np.full(len(landed), -1, dtype=np.int64)
    is_landed = place >= 0
    np.maximum.at(newest, place[is_landed], np.flatnonzero(is_landed))
    return newest


def _differs(one: pa.ChunkedArray, other: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """Return for each row whether the two columns differ; null is equal only to null."""
    same = pc.fill_null(pc.equal(one, other), False)
    both_null = pc.and_(pc.is_null(one), pc.is_null(other))
    different: npt.NDArray[np.bool_] = pc.invert(pc.or_(same, both_null)).to_numpy()
    return different

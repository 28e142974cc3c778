"""Finds the landed consent records that are new or say something else than the stored ones, in Arrow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from privacy.consent.rows import RECORD_SCHEMA

CORRECTION = ":correction:"
"""Stands between the identifier that a record landed with and the number of its correction."""
_NOT_COMPARED = ("record_id", "recorded_at", "supersedes")
"""Columns that a correction has of its own; in all others it equals what landed."""
COMPARED = tuple(name for name in RECORD_SCHEMA.names if name not in _NOT_COMPARED)


@dataclass(frozen=True)
class RecordDifference:
    """The landed rows that need a new record.

    Attributes:
        new: rows whose identifier is in no stored record.
        changed: rows that differ from the newest stored record of their identifier.
        stored: the record_id and recorded_at of that newest record, row by row beside `changed`.
    """

    new: pa.Table
    changed: pa.Table
    stored: pa.Table


def find_differences(landed: pa.Table, stored: pa.Table) -> RecordDifference:
    """Compare landed records with the stored ones.

    Args:
        landed: columns of `RECORD_SCHEMA`; one row a record_id.
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
    """For each landed identifier, the last stored row that has it or corrects it; -1 where none does."""
    origins = pc.replace_substring_regex(stored, f"{CORRECTION}.*", "")
    place = pc.fill_null(pc.index_in(origins, value_set=landed), -1).to_numpy().astype(np.int64)
    newest = np.full(len(landed), -1, dtype=np.int64)
    is_landed = place >= 0
    np.maximum.at(newest, place[is_landed], np.flatnonzero(is_landed))
    return newest


def _differs(one: pa.ChunkedArray, other: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """Where two columns differ; null equals null and nothing else."""
    same = pc.fill_null(pc.equal(one, other), False)
    both_null = pc.and_(pc.is_null(one), pc.is_null(other))
    different: npt.NDArray[np.bool_] = pc.invert(pc.or_(same, both_null)).to_numpy()
    return different

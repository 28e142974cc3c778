"""Holds the rows of a source before they are written, the person behind each, and the faults planted in them."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pipelines.simulate.random_stream import Bools, Ints, Texts


@dataclass(frozen=True)
class Override:
    """A value that the contract forbids. It is written instead of the correct value; None writes a null."""

    row: int
    column: str
    value: str | None


@dataclass
class Records:
    """The rows of one source in one replica, before they are written.

    Attributes:
        source: name of the source.
        frame: the rows, with the contract's column names and a unique index.
        key: name of the key column.
        person: position of the person behind each row, -1 if unknown; None for a source without people.
        truth_key: column that identifies the row in truth/record.parquet; None means `key`.
        received: column with the time of receipt, by which rows are divided into monthly files; None if there is none.
        replica: number of the copy of the market, from 0.
        overrides: forbidden values to write, by index label of the row.
        marks: planted faults as (kind, index label of the row, column, breaks_contract).
    """

    source: str
    frame: pd.DataFrame
    key: str
    person: Ints | None = None
    truth_key: str | None = None
    received: str | None = None
    replica: int = 0
    overrides: list[Override] = field(default_factory=list)
    marks: list[tuple[str, int, str, bool]] = field(default_factory=list)

    def mark(self, kind: str, rows: Ints, column: str, breaks_contract: bool = False) -> None:
        """Record that the rows (index labels) have a fault of this kind in the column."""
        self.marks.extend((kind, int(row), column, breaks_contract) for row in rows)

    def append(self, rows: Ints) -> Ints:
        """Append copies of rows (positions) with their people, and return the new index labels."""
        labels = np.arange(len(rows)) + int(self.frame.index.max()) + 1
        copies = self.frame.iloc[rows].set_axis(labels, axis=0)
        self.frame = pd.concat([self.frame, copies])
        if self.person is not None:
            self.person = np.concatenate([self.person, self.person[rows]])
        return labels

    def arrange(self, order: Ints) -> None:
        """Reorder rows by position."""
        self.frame = self.frame.iloc[order]
        if self.person is not None:
            self.person = self.person[order]

    def keep(self, is_kept: Bools) -> None:
        """Remove the rows for which `is_kept` (by position) is false, with their overrides and marks."""
        self.frame = self.frame.loc[is_kept]
        if self.person is not None:
            self.person = self.person[is_kept]
        self.overrides = [override for override in self.overrides if override.row in self.frame.index]
        self.marks = [mark for mark in self.marks if mark[1] in self.frame.index]

    def truth(self) -> tuple[Texts, Ints]:
        """Return the key and the person (position) of each distinct record whose person and key are known."""
        if self.person is None:
            return np.empty(0, dtype=object), np.empty(0, dtype=np.int64)
        keys = pd.DataFrame({"key": self.frame[self.truth_key or self.key].to_numpy(object), "person": self.person})
        key = self.truth_key or self.key
        damaged = self.frame.index.isin([override.row for override in self.overrides if override.column == key])
        keys = keys[(keys["person"] >= 0) & keys["key"].notna() & ~damaged].drop_duplicates("key")
        return keys["key"].astype(str).to_numpy(object), keys["person"].to_numpy()

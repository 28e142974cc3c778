"""What a source hands over: its rows, whose they are, and the dirt planted in them."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pipelines.simulate.streams import Flags, Ints, Texts


@dataclass(frozen=True)
class Override:
    """A value that the contract forbids, to be written in place of the right one."""

    row: int
    column: str
    value: str | None


@dataclass
class Records:
    """Rows of one source in one replica, before they are written.

    `frame` has the contract's column names and a unique index, by which `marks` (kind, row, column,
    breaks_contract) refer to rows wherever they end up. `person` is the position of the person behind each
    row, or None for sources without people; `truth_key` names the column under which truth/record.parquet
    lists the row (the key unless said); `received` the column by which the rows are filed.
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
        """Note that the rows (index labels) carry this kind of dirt in this column."""
        self.marks.extend((kind, int(row), column, breaks_contract) for row in rows)

    def append(self, rows: Ints) -> Ints:
        """Append copies of rows (positions) and return their new index labels; people go with them."""
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

    def keep(self, is_kept: Flags) -> None:
        """Drop the rows for which `is_kept` (by position) is false, and what refers to them."""
        self.frame = self.frame.loc[is_kept]
        if self.person is not None:
            self.person = self.person[is_kept]
        self.overrides = [override for override in self.overrides if override.row in self.frame.index]
        self.marks = [mark for mark in self.marks if mark[1] in self.frame.index]

    def truth(self) -> tuple[Texts, Ints]:
        """Return (key, person) of each distinct record whose person is known."""
        if self.person is None:
            return np.empty(0, dtype=object), np.empty(0, dtype=np.int64)
        keys = pd.DataFrame({"key": self.frame[self.truth_key or self.key].to_numpy(object), "person": self.person})
        keys = keys[(keys["person"] >= 0) & keys["key"].notna()].drop_duplicates("key")
        return keys["key"].astype(str).to_numpy(object), keys["person"].to_numpy()

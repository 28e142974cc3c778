"""Holds a batch of rows as they were read from a file, before they are checked."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.ingest.fault import RowFaults

# Large enough for vectorised work to pay, small enough to bound memory.
TEXT_BATCH_ROWS = 1 << 15
TEXT_BATCH_CHARACTERS = 1 << 23


@dataclass(frozen=True)
class RawBatch:
    """A batch of rows that are read but not yet checked against the contract.

    Attributes:
        columns: the file's values by the contract's column name; columns that the file lacks are not in it.
        lines: line number of each row in a text file, row number in a Parquet file; both count from 1.
        raw: returns the row at a position as it was read; quarantine stores it.
        faults: faults that were found while the rows were read.
        place: where in the file the batch is, such as a row group; empty if its lines say enough.
    """

    columns: dict[str, pa.Array]
    lines: npt.NDArray[np.int64]
    raw: Callable[[int], dict[str, Any]]
    faults: RowFaults
    place: str = ""

    @property
    def rows(self) -> int:
        """Number of rows in the batch."""
        return len(self.lines)

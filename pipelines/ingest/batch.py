"""A batch of rows as a file gave them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.ingest.fault import RowFaults

# Big enough to make vectors worth it, small enough to bound memory.
TEXT_BATCH_ROWS = 1 << 15
TEXT_BATCH_CHARACTERS = 1 << 23


@dataclass(frozen=True)
class RawBatch:
    """Rows before the contract has judged them.

    `columns` holds the file's values by contract name (absent columns are not in it), `lines` each row's
    line (row number from 1 in Parquet), `raw` the row as read, for quarantine, and `faults` what reading
    it found.
    """

    columns: dict[str, pa.Array]
    lines: npt.NDArray[np.int64]
    raw: Callable[[int], dict[str, Any]]
    faults: RowFaults

    @property
    def rows(self) -> int:
        """How many rows."""
        return len(self.lines)

"""Makes Arrow columns from the texts of a file."""

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.ingest.fault import RowFault, RowFaults

# Bytes that could not be decoded (PEP 383), and single halves of surrogate pairs, which JSON can write.
NO_CHARACTER = re.compile("[\ud800-\udfff]")
# A record that cannot be split into fields is stored in quarantine as text, under this name.
WHOLE_TEXT = "_text"


def text_column(values: Sequence[str | None], name: str, encoding: str, faults: RowFaults) -> pa.Array:
    """Return texts as an Arrow column; a text with bytes that are invalid in the encoding is null and marked."""
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        wrong = np.array([value is not None and bool(NO_CHARACTER.search(value)) for value in values])
        faults.mark(wrong, RowFault(name, "encoding", f"the bytes are not {encoding}"))
        return pa.array([None if bad else value for value, bad in zip(values, wrong, strict=True)], pa.string())


def blank_to_null(values: pa.Array, null_values: tuple[str, ...]) -> pa.Array:
    """Return the texts with null in place of the texts that the contract lists as null values."""
    is_blank = pc.is_in(values, value_set=pa.array(null_values, pa.string()))
    return pc.if_else(is_blank, pa.scalar(None, pa.string()), values)

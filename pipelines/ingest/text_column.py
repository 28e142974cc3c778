"""Columns of text as files give them."""

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.ingest.fault import RowFault, RowFaults

# Undecodable bytes (PEP 383), and halves of surrogate pairs that JSON may spell; neither is a character.
NO_CHARACTER = re.compile("[\ud800-\udfff]")
# A record that cannot be taken apart is kept in quarantine as its text, under this name.
WHOLE_TEXT = "_text"


def text_column(values: Sequence[str | None], name: str, encoding: str, faults: RowFaults) -> pa.Array:
    """Texts as an Arrow column; one that holds no characters of the encoding is null and marked."""
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        wrong = np.array([value is not None and bool(NO_CHARACTER.search(value)) for value in values])
        faults.mark(wrong, RowFault(name, "encoding", f"the bytes are not {encoding}"))
        return pa.array([None if bad else value for value, bad in zip(values, wrong, strict=True)], pa.string())


def blank_to_null(values: pa.Array, null_values: tuple[str, ...]) -> pa.Array:
    """Null where the text is one of those that mean null."""
    is_blank = pc.is_in(values, value_set=pa.array(null_values, pa.string()))
    return pc.if_else(is_blank, pa.scalar(None, pa.string()), values)

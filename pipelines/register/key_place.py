"""Where matching keys stand among others: tables of hundreds of thousands are joined by it in a tenth of a second.

pandas takes seconds for the same, since it makes a tuple of Python's texts of each key.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def key_text(kinds: pd.Series, tokens: pd.Series) -> pa.Array:
    """Return one text a key."""
    return pc.binary_join_element_wise(pa.array(kinds, pa.string()), pa.array(tokens, pa.string()), "\0")


def places(held: pa.Array, wanted: pa.Array) -> Ints:
    """Return the first place of each wanted text among those held; -1 for none.

    >>> places(pa.array(["a", "b"]), pa.array(["b", "c", None])).tolist()
    [1, -1, -1]
    """
    found = pc.index_in(wanted, value_set=held, skip_nulls=True).fill_null(-1)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.int64)


def codes(texts: pd.Series) -> tuple[Ints, list[str]]:
    """Number texts in their order, -1 for null; return the numbers and the distinct texts in order.

    >>> codes(pd.Series(["b", None, "a", "b"]))[0].tolist()
    [1, -1, 0, 1]
    """
    encoded = pa.array(texts, pa.string()).dictionary_encode()
    order = pc.array_sort_indices(encoded.dictionary).to_numpy(zero_copy_only=False)
    rank = np.empty(len(order) + 1, dtype=np.int64)
    rank[order], rank[-1] = np.arange(len(order)), -1
    number = encoded.indices.fill_null(len(order)).to_numpy(zero_copy_only=False)
    distinct: list[str] = encoded.dictionary.take(pa.array(order)).to_pylist()
    return rank[number], distinct

"""Makes columns of identifiers, dates and optional values, and reads the data files of the simulator."""

from importlib import resources

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.simulate.random_stream import Bools, Ints, Texts, Times


def label(prefix: str, numbers: Ints, width: int) -> Texts:
    """Return `prefix` followed by each number, padded with zeros to `width` digits."""
    digits = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), width=width, padding="0")
    joined = pc.binary_join_element_wise(prefix, digits, "")
    return np.asarray(joined.to_numpy(zero_copy_only=False), dtype=object)


def hexadecimal(rng: np.random.Generator, prefix: str, size: int) -> Texts:
    """Return `size` random identifiers: `prefix` and sixteen hexadecimal digits."""
    numbers = rng.integers(0, 2**63, size=size).tolist()
    return np.array([f"{prefix}{number:016x}" for number in numbers], dtype=object)


def day_text(days: Times) -> Texts:
    """Return dates as text yyyy-mm-dd; NaT becomes None."""
    text = np.datetime_as_string(days.astype("datetime64[D]")).astype(object)
    text[np.isnat(days)] = None
    return text


def given(values: Texts) -> Bools:
    """Return for each value whether it is not null."""
    return np.asarray(pd.notna(values))


def only(values: Texts, condition: Bools) -> Texts:
    """Return `values` where the condition holds and None elsewhere."""
    chosen: Texts = np.full(len(values), None, dtype=object)
    chosen[condition] = values[condition]
    return chosen


def whole(values: Ints, condition: Bools) -> pd.api.extensions.ExtensionArray:
    """Return whole numbers where the condition holds and null elsewhere."""
    return pd.arrays.IntegerArray(np.asarray(values, dtype=np.int64), ~np.asarray(condition))


def load_table(name: str) -> pd.DataFrame:
    """Read a data file of the simulator (data/<name>.csv); an empty field is empty text, not null."""
    with resources.files("pipelines.simulate").joinpath(f"data/{name}.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file, keep_default_na=False)

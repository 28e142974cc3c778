"""Prepares rows on the engine: adds text keys, and the order in which equal rows are distributed to classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from privacy.anonymity.anonymize import SEPARATOR, rank_columns
from privacy.anonymity.spec.hierarchy import MISSING, MISSING_TEXT
from privacy.anonymity.spec.specification import Spec
from privacy.anonymity.table.frequency_table import modelled_columns

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

HOME, ROWS, RANK = "__home", "__rows", "__rank"
KEY = "__key_"


def text_of(name: str) -> Column:
    """Returns a column as text; null becomes MISSING, and a text that reads like it becomes MISSING_TEXT."""
    from pyspark.sql import functions as f

    text = f.col(f"`{name}`").cast("string")
    return f.coalesce(f.when(text == MISSING, f.lit(MISSING_TEXT)).otherwise(text), f.lit(MISSING))


def with_keys(frame: DataFrame, spec: Spec) -> DataFrame:
    """Returns the released columns, the quasi-identifiers and modelled columns as text keys, and HOME.

    HOME is true for the one row of each person that counts as the person.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    keep = [name for name, c in spec.columns.items() if c.role in ("sensitive", "insensitive")]
    if spec.person and spec.person not in keep:
        keep.append(spec.person)
    names = [*spec.quasi, *modelled_columns(spec)]
    keyed = frame.select(
        *[f.col(f"`{name}`") for name in keep], *[text_of(name).alias(f"{KEY}{i}") for i, name in enumerate(names)]
    )
    if spec.person is None:
        return keyed.withColumn(HOME, f.lit(True))
    order = [*[f.col(f"{KEY}{i}") for i in range(len(names))], *_content(keyed, spec)]
    first = f.row_number().over(Window.partitionBy(text_of(spec.person)).orderBy(*order))
    return keyed.withColumn(HOME, first == 1)


def rank_rows(keyed: DataFrame, keys: list[str], spec: Spec) -> DataFrame:
    """Adds RANK: the position of each row in its unit, by the MD5 of its other released columns, then by them."""
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    window = Window.partitionBy(*keys).orderBy(*_content(keyed, spec))
    return keyed.withColumn(RANK, f.row_number().over(window) - 1)


def _content(keyed: DataFrame, spec: Spec) -> list[Column]:
    """Returns the sort order of rows by their other released columns: their MD5, then the columns."""
    from pyspark.sql import functions as f

    ranking = rank_columns(spec)
    fractions = {field.name for field in keyed.schema if field.dataType.typeName() in ("double", "float")}
    digest = f.md5(f.concat_ws(SEPARATOR, *[text_of(name) for name in ranking if name not in fractions]))
    return [digest, *[f.col(f"`{name}`").asc_nulls_first() for name in ranking]]


def upload(session: object, frame: pd.DataFrame) -> DataFrame:
    """Returns a pandas table as a DataFrame of the engine."""
    import pyarrow as pa

    return session.createDataFrame(pa.Table.from_pandas(frame, preserve_index=False))  # type: ignore[attr-defined,no-any-return]

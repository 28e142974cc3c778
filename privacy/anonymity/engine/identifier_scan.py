"""Looks for direct identifiers in every row of a table on the engine; a sample would miss a rare one.

The engine keeps the values that may be identifiers, by a wider form than `privacy.recognition.identifier_form`. Only
their distinct texts reach this process, a page at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from privacy.anonymity.spec.identifier_screen import refuse
from privacy.anonymity.spec.specification import Spec
from privacy.recognition.identifier_form import find_identifier_form

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import DataType

CANDIDATE = (
    r"@|\uff20|\ufe6b|[\(\[]\s?at\s?[\)\]]|(\p{Nd}[^\p{Nd}]{0,3}){7}|:[0-9A-Fa-f]*:|[0-9A-Fa-f]{16}"
    r"|[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-|\.\p{Nd}{1,3}\.\p{Nd}"
)
"""Matches every text that a form of an identifier matches, and others. Read alike by Java's and Rust's engines."""
PAGE = 500_000
"""Most distinct texts of a column in this process at once, about."""
_LONG = 10**8
_TEXT = "__text"


def scan_identifiers(frame: DataFrame, spec: Spec) -> None:
    """Checks all values of the released columns for direct identifiers, in one pass if there are no candidates.

    Raises:
        SpecError: a column holds a direct identifier and is not `is_confirmed`.
    """
    from pyspark.sql import functions as f

    wanted = {name for name, c in spec.columns.items() if c.role != "identifying" and not c.is_confirmed}
    texts = {
        field.name: text
        for field in frame.schema
        if field.name in wanted and (text := _candidate(f.col(f"`{field.name}`"), field.dataType)) is not None
    }
    if not texts:
        return
    counts = frame.select(*[f.count(text).alias(f"n{at}") for at, text in enumerate(texts.values())]).collect()[0]
    for at, (name, text) in enumerate(texts.items()):
        if counts[at]:
            _check(frame.select(text.alias(_TEXT)).where(f.col(_TEXT).isNotNull()).distinct(), name, counts[at], spec)


def _check(distinct: DataFrame, name: str, most: int, spec: Spec) -> None:
    from pyspark.sql import functions as f

    pages = most // PAGE + 1
    for page in range(pages):
        part = distinct if pages == 1 else distinct.where(f.pmod(f.xxhash64(_TEXT), f.lit(pages)) == page)
        found = find_identifier_form(part.toArrow().column(0).combine_chunks())
        if found is not None:
            refuse(name, spec.columns[name].role, f"holds {found}")


def _candidate(column: Column, found: DataType) -> Column | None:
    """Returns the text of a value that may be an identifier, else null; None for types that hold none."""
    from pyspark.sql import functions as f
    from pyspark.sql.types import DecimalType, DoubleType, FloatType, IntegralType, StringType

    if isinstance(found, StringType):
        return f.when(column.rlike(CANDIDATE), column)
    if isinstance(found, IntegralType):
        return f.when(f.abs(column.cast("bigint")) >= _LONG, column.cast("string"))
    if isinstance(found, (DoubleType, FloatType, DecimalType)):
        whole = column.try_cast("bigint")
        return f.when((whole >= _LONG) & (whole == column), whole.cast("string"))
    return None

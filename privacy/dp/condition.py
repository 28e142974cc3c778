"""Filters rows by the conditions of a question, and checks the types of its columns."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Set
from datetime import datetime
from typing import TYPE_CHECKING

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.types import (
    BooleanType,
    DataType,
    DateType,
    DecimalType,
    NumericType,
    StringType,
    TimestampNTZType,
    TimestampType,
)

from privacy.dp.errors import BadQuestion

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from privacy.dp.question import Condition, Question

_TIMES = (DateType, TimestampNTZType, TimestampType)
_PLAIN = (*_TIMES, NumericType, StringType, BooleanType)
"""Types whose values every engine compares and casts to text without an error."""
_COMPARE = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt,
    "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def keep(frame: DataFrame, conditions: Iterable[Condition]) -> DataFrame:
    """Return the rows that meet all conditions. Null, or a value of another type than the literal, meets no condition.

    A date beyond the years 1 to 9999 counts as the nearest day of these years, before anything is computed from it.

    Raises:
        BadQuestion: a column is missing or holds lists, records or bytes, or a time is not in ISO 8601 format without a
            time zone.
    """
    conditions = tuple(conditions)
    require_columns(frame, {condition.column for condition in conditions})
    for condition in conditions:
        found = frame.schema[condition.column].dataType
        if not isinstance(found, _PLAIN):
            raise BadQuestion(
                f"{condition.column} has the type {found.simpleString()}; expected a text, number, boolean, date or "
                "time"
            )
        frame = frame.where(_condition(condition, found))
    return frame


def require_kinds(frame: DataFrame, question: Question) -> None:
    """Check that measures and bins use number columns, days date or time columns, and keys no lists, records or bytes.

    Raises:
        BadQuestion: names the column and its type.
    """
    require_columns(frame, question.columns())
    numbers = {key.column for key in question.group_by if key.edges is not None}
    if question.measure is not None:
        numbers.add(question.measure.column)
    days = {key.column for key in question.group_by if key.days is not None}
    keys = {key.column for key in question.group_by}
    for columns, kinds, wanted in (
        ({question.unit, *keys}, _PLAIN, "a text, number, boolean, date or time"),
        (numbers, (NumericType,), "a number"),
        (days, (*_TIMES, StringType), "a date or time"),
    ):
        for column in sorted(columns):
            found = frame.schema[column].dataType
            if not isinstance(found, kinds):
                raise BadQuestion(f"{column} has the type {found.simpleString()}; expected {wanted}")


def require_columns(frame: DataFrame, wanted: Set[str]) -> None:
    """Check that the data set has these columns.

    Raises:
        BadQuestion: names the missing columns and the existing ones.
    """
    missing = sorted(wanted - set(frame.columns))
    if missing:
        raise BadQuestion(f"The data set has no column {', '.join(missing)}; it has {', '.join(sorted(frame.columns))}")


def _condition(condition: Condition, found: DataType) -> Column:
    value = condition.value
    values = value if isinstance(value, tuple) else (value,)
    if isinstance(found, _TIMES) and all(isinstance(one, str) for one in values):
        # Local time of the shop: an offset in the question would move midnight.
        column = _within_years(condition.column, found).cast("timestamp_ntz")
        # As text: a datetime would be converted by the time zones of this process and of the session.
        literals = [F.lit(_moment(condition.column, str(one))).cast("timestamp_ntz") for one in values]
    elif isinstance(found, _TIMES) or (isinstance(found, DecimalType) and isinstance(values[0], bool)):
        # No time is a number and no decimal a boolean, and some engines refuse the cast.
        return F.lit(False)
    else:
        # try_cast: the error of a failing cast would reveal a row.
        first = values[0]
        kind = "string" if isinstance(first, str) else "boolean" if isinstance(first, bool) else "double"
        column = F.col(condition.column).try_cast(kind)
        literals = [F.lit(one) for one in values]
    if isinstance(value, tuple):
        return column.isin(*literals) if condition.operator == "in" else ~column.isin(*literals)
    compared: Column = _COMPARE[condition.operator](column, literals[0])
    return compared


def _within_years(name: str, found: DataType) -> Column:
    """Return a time column. Dates that a time cannot represent are clamped: casting them would be an error."""
    column = F.col(name)
    if not isinstance(found, DateType):
        return column
    first, last = (F.lit(day).cast("date") for day in ("0001-01-01", "9999-12-31"))
    return F.when(column < first, first).when(column > last, last).otherwise(column)


def _moment(column: str, text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadQuestion(f"{column} is compared with {text!r}; expected a date or time like 2026-03-01") from error
    if moment.tzinfo is not None:
        raise BadQuestion(f"{column} is compared with {text!r}; give the shop's local time, without an offset")
    return moment.isoformat(" ", "microseconds")

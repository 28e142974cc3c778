"""Refuses columns whose content does not fit their declared role, before the search."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from privacy.anonymity.errors import SpecError
from privacy.anonymity.spec.specification import ColumnSpec, Spec

SAMPLE = 1000
SMALLEST = 20
"""Number of rows below which unique values prove nothing."""
UNIQUE_SHARE = 0.95
FREE_TEXT_LENGTH = 40
UNIQUE_LABEL_SHARE = 0.5
"""Share of distinct values above which a text quasi-identifier without a fixed hierarchy counts as an identifier: its
labels would list the values themselves, such as the full names of people."""
IDENTIFYING_NAME = re.compile(
    r"(full|first|last|sur|customer|member|user)?name|e?mail(address)?|(mobile|tele)?phone(number)?|mobile|tel|ssn|rrn"
    r"|passport(number)?|(street)?address|(card|account)number|ip(address)?"
    r"|(customer|member|user|person|patient|device)id"
    r"|이름|성명|성함|(고객|회원)(명|번호|id)|이메일|전화(번호)?|휴대폰(번호)?|연락처|주민(등록)?번호|(여권|카드|계좌)번호|주소"
)
"""Names of columns, without case and punctuation, that hold direct identifiers or keys of people."""
FIXED_HIERARCHIES = ("file", "regions", "dates", "intervals")
"""Kinds of hierarchy whose labels do not list the values of the column."""
MEASURE = r"[-+]?\d+(?:\.\d+)?|\d{4}-\d{2}(?:-\d{2}.*)?"
NESTED = (list, tuple, set, dict, bytes, np.ndarray)
PATTERNS = {
    "e-mail addresses": r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}",
    "telephone numbers": r"(?:^|[^\d])(?:\+82[-\s]?|0)1[016789][-\s.]?\d{3,4}[-\s.]?\d{4}(?:$|[^\d])"
    r"|(?:^|\s)\+\d{9,15}(?:$|\s)",
    "resident registration numbers": r"(?:^|[^\d])\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])-?[1-8]\d{6}(?:$|[^\d])",
    "payment card numbers": r"(?:^|[^\d])(?:\d{4}[-\s]?){3}\d{4}(?:$|[^\d])",
}
"""Forms of direct identifiers, anywhere in a value. One value is enough: a label would publish it."""
SHORTEST_NUMBER = 10**9
"""Smallest number with as many digits as a number in these forms."""


def screen(frame: pd.DataFrame, spec: Spec) -> None:
    """Checks quasi-identifiers and the columns that are released unchanged for direct identifiers and free text.

    In every role one value in the form of a direct identifier is enough, because a label or a cell would publish it. So
    is a name of the column that says what it holds. Columns released as they are may not differ in nearly every row. A
    quasi-identifier may, as ages of few people do, unless it is text that labels would list value by value.

    Raises:
        SpecError: a column looks like a direct identifier or free text and is not `is_confirmed`, or its values are
            lists, records or bytes.
    """
    for name, column in spec.columns.items():
        if column.role == "identifying" or name not in frame.columns:
            continue
        values = frame[name]
        _require_plain(values, name)
        if column.is_confirmed:
            continue
        reason = _pattern(values) or _header(name) or _uniqueness(values.dropna(), column)
        if reason:
            raise SpecError(
                f"column {name!r} is declared {column.role} but {reason}; make it `identifying` (it is then left "
                "out), or set `is_confirmed: true` if it is safe to release as it is",
                column=name,
            )


def _require_plain(values: pd.Series, name: str) -> None:
    """Raises SpecError for lists, records and bytes: they can be neither compared nor written as one cell."""
    if values.dtype != object:
        return
    kinds = {type(value).__name__ for value in values.iloc[: 10 * SAMPLE] if isinstance(value, NESTED)}
    if kinds:
        raise SpecError(
            f"column {name!r} holds values of type {', '.join(sorted(kinds))}; flatten it to text or numbers, or make "
            "it `identifying`",
            column=name,
        )


def _header(name: str) -> str | None:
    """Returns the reason why a column's name suggests an identifier; None when it does not."""
    bare = re.sub(r"[\W_]+", "", name).lower()
    return "is named like an identifier of people" if IDENTIFYING_NAME.fullmatch(bare) else None


def _pattern(values: pd.Series) -> str | None:
    """Returns the reason why a column's values look like identifiers or free text; None when they do not."""
    known = values.dropna()
    is_text = _is_text(values)
    if not is_text and (not pd.api.types.is_integer_dtype(values) or known.abs().max() < SHORTEST_NUMBER):
        return None
    texts = pa.array(pd.Series(known.unique()).astype(str), pa.string())
    for what, pattern in PATTERNS.items():
        if pc.any(pc.match_substring_regex(texts, pattern)).as_py():
            return f"holds {what}"
    sample = known.iloc[:: max(len(known) // SAMPLE, 1)].astype(str)
    is_long = is_text and len(sample) >= SMALLEST and sample.str.len().mean() > FREE_TEXT_LENGTH
    return "holds free text" if is_long and sample.nunique() > len(sample) / 2 else None


def _uniqueness(values: pd.Series, column: ColumnSpec) -> str | None:
    if len(values) < SMALLEST:
        return None
    distinct, most = values.nunique() / len(values), UNIQUE_SHARE
    if column.role == "quasi":
        if column.hierarchy.kind in FIXED_HIERARCHIES or not _is_text(values) or _are_measures(values):
            return None
        most = UNIQUE_LABEL_SHARE
    # A sensitive measurement, such as an income, may differ in every row: the models limit what it reveals.
    is_measurement = column.role == "sensitive" and pd.api.types.is_float_dtype(values)
    if distinct >= most and not is_measurement:
        return f"is different in {distinct:.0%} of the rows, like an identifier"
    return None


def _is_text(values: pd.Series) -> bool:
    return values.dtype == object or isinstance(values.dtype, pd.StringDtype)


def _are_measures(values: pd.Series) -> bool:
    """Returns whether all texts are numbers or dates, which have no more to say than their size."""
    texts = pd.Series(values.unique()).astype(str)
    return bool(texts.str.fullmatch(MEASURE).all())

"""Refuses columns whose content does not fit their declared role, before the search."""

from __future__ import annotations

from typing import NoReturn

import numpy as np
import pandas as pd
import pyarrow as pa

from privacy.anonymity.errors import SpecError
from privacy.anonymity.spec.specification import ColumnSpec, Spec
from privacy.anonymity.table.frequency_table import as_text
from privacy.recognition.concept import find_concept
from privacy.recognition.identifier_form import find_identifier_form

SAMPLE = 1000
SMALLEST = 20
"""Number of rows below which unique values prove nothing."""
UNIQUE_SHARE = 0.95
FREE_TEXT_LENGTH = 40
_SURNAMES = (
    "김이박최정강조윤장임한오서신권황안송류유전홍고문양손배백허남심노하곽성차주우구나민진지엄채원천방공현함변"
    "염추도소석선설"
)
KOREAN_NAME = rf"[{_SURNAMES}](?!.*[시군구동읍면리로길역점]$)[가-힣]{{2}}"
LATIN_NAME = r"[A-Z][\w'’-]+,? (?:[A-Z][\w'’.-]* ){0,2}[A-Z][\w'’-]+"
MOSTLY = 0.8
"""Least share of Korean names among the distinct texts of a column of names."""
UNIQUE_LABEL_SHARE = 0.5
"""Share of distinct values above which a text quasi-identifier without a fixed hierarchy counts as an identifier: its
labels would list the values themselves, such as the full names of people."""
FIXED_HIERARCHIES = ("file", "regions", "dates", "intervals")
"""Kinds of hierarchy whose labels do not list the values of the column."""
MEASURE = r"[-+]?\d+(?:\.\d+)?|\d{4}-\d{2}(?:-\d{2}.*)?"
NESTED = (list, tuple, set, dict, bytes, np.ndarray)


def screen(frame: pd.DataFrame, spec: Spec) -> None:
    """Checks quasi-identifiers and the columns that are released unchanged for direct identifiers and free text.

    In every role one value in the form of a direct identifier is enough, because a label or a cell would publish it. So
    is a name of the column that says what it holds. Columns released as they are may not differ in nearly every row. A
    quasi-identifier may, as ages of few people do, unless it is text that labels would list value by value.

    Raises:
        SpecError: a column looks like a direct identifier or free text and is not `is_confirmed`, or its values are
            lists, records or bytes.
    """
    owners = frame[spec.person] if spec.person in frame.columns else None
    for name, column in spec.columns.items():
        if column.role == "identifying" or name not in frame.columns:
            continue
        values = frame[name]
        _require_plain(values, name)
        if column.is_confirmed:
            continue
        known = values.dropna()
        reason = _form(values, as_text(known)) or _header(name) or _uniqueness(known, owners, column)
        if reason:
            refuse(name, column.role, reason)


def refuse(name: str, role: str, reason: str) -> NoReturn:
    """Raises SpecError: the content of a column does not fit its role."""
    raise SpecError(
        f"column {name!r} is declared {role} but {reason}; make it `identifying` (it is then left out), or set "
        "`is_confirmed: true` if it is safe to release as it is",
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
    found = find_concept(name)
    return "is named like an identifier of people" if found is not None and found.role == "direct" else None


def _form(values: pd.Series, texts: pd.Series) -> str | None:
    """Returns the reason why a column's values look like identifiers or free text; None when they do not."""
    found = find_identifier_form(pa.array(texts.unique(), pa.string()))
    if found is not None:
        return f"holds {found}"
    if not _is_text(values):
        return None
    if _are_names(texts):
        return "holds texts like full names"
    sample = texts.iloc[:: max(len(texts) // SAMPLE, 1)]
    is_long = len(sample) >= SMALLEST and sample.str.len().mean() > FREE_TEXT_LENGTH
    return "holds free text" if is_long and sample.nunique() > len(sample) / 2 else None


def _are_names(texts: pd.Series) -> bool:
    """Returns whether many values have the form of full names, and are Korean names or occur once or twice each.

    Korean names repeat, and few other words begin with a surname. Words in Latin letters often have the form of names.
    """
    distinct = pd.Series(texts.unique())
    korean = int(distinct.str.fullmatch(KOREAN_NAME).sum())
    found = texts[texts.str.fullmatch(f"{KOREAN_NAME}|{LATIN_NAME}")]
    is_varied = found.nunique() >= UNIQUE_LABEL_SHARE * len(found)
    return found.nunique() >= SMALLEST and (is_varied or korean >= MOSTLY * len(distinct))


def _uniqueness(values: pd.Series, owners: pd.Series | None, column: ColumnSpec) -> str | None:
    """Returns the reason why a column tells its rows or people apart; None when it does not.

    A value that a person has in several rows counts once.
    """
    if owners is not None:
        values = values[~pd.DataFrame({"owner": owners[values.index], "value": values}).duplicated()]
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
    """Returns whether a column holds texts, whatever pandas calls their type."""
    kinds = pd.api.types
    return not (kinds.is_numeric_dtype(values) or kinds.is_bool_dtype(values) or kinds.is_datetime64_any_dtype(values))


def _are_measures(values: pd.Series) -> bool:
    """Returns whether all texts are numbers or dates, which have no more to say than their size."""
    texts = pd.Series(values.unique()).astype(str)
    return bool(texts.str.fullmatch(MEASURE).all())

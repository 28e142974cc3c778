"""Refuses columns whose content does not fit their declared role, before the search."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from privacy.anonymity.errors import SpecError
from privacy.anonymity.spec.specification import Spec

SAMPLE = 1000
SMALLEST = 20
"""Number of rows below which unique values prove nothing."""
UNIQUE_SHARE = 0.95
FREE_TEXT_LENGTH = 40
IDENTIFIED_SHARE = 0.1
"""Share of values in the form of an identifier above which a column counts as one."""
IDENTIFYING_NAME = re.compile(
    r"(full|first|last|sur|customer|member|user)?name|e?mail(address)?|(mobile|tele)?phone(number)?|mobile|tel|ssn|rrn"
    r"|passport(number)?|(street)?address|(card|account)number|ip(address)?"
    r"|(customer|member|user|person|patient|device)id"
    r"|이름|성명|성함|(고객|회원)(명|번호|id)|이메일|전화(번호)?|휴대폰(번호)?|연락처|주민(등록)?번호|(여권|카드|계좌)번호|주소"
)
"""Names of columns, without case and punctuation, that hold direct identifiers or keys of people."""
NESTED = (list, tuple, set, dict, bytes, np.ndarray)
PATTERNS = {
    "e-mail addresses": re.compile(r"^[^@\s]+@[^@\s]+\.[A-Za-z]{2,}$"),
    "telephone numbers": re.compile(r"^(\+82[-\s]?|0)1[016789][-\s]?\d{3,4}[-\s]?\d{4}$|^\+\d{9,15}$"),
    "resident registration numbers": re.compile(r"^\d{6}-?[1-8]\d{6}$"),
    "payment card numbers": re.compile(r"^(\d{4}[-\s]?){3}\d{4}$"),
}


def screen(frame: pd.DataFrame, spec: Spec) -> None:
    """Checks quasi-identifiers and the columns that are released unchanged for direct identifiers and free text.

    A quasi-identifier may differ in every row, as ages of few people do. It may not be a direct identifier or free
    text, because labels contain its values.

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
        reason = _pattern(values)
        if reason is None and column.role != "quasi":
            reason = _uniqueness(values.dropna()) or _header(name)
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
    sample = values.iloc[:: max(len(values) // SAMPLE, 1)].dropna()
    if len(sample) < SMALLEST:
        sample = values.dropna().iloc[:SAMPLE]
    if sample.empty:
        return None
    sample = sample.astype(str)
    shares = {what: float(sample.str.match(pattern).mean()) for what, pattern in PATTERNS.items()}
    if sum(shares.values()) > IDENTIFIED_SHARE:
        return f"holds {max(shares, key=lambda what: shares[what])}"
    if len(sample) < SMALLEST:
        return None
    is_text = values.dtype == object or isinstance(values.dtype, pd.StringDtype)
    if is_text and sample.str.len().mean() > FREE_TEXT_LENGTH and sample.nunique() > len(sample) / 2:
        return "holds free text"
    return None


def _uniqueness(values: pd.Series) -> str | None:
    if len(values) < SMALLEST:
        return None
    distinct = values.nunique() / len(values)
    if distinct >= UNIQUE_SHARE and not pd.api.types.is_float_dtype(values):
        return f"is different in {distinct:.0%} of the rows, like an identifier"
    return None

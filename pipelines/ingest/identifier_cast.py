"""Converts columns to text so that identifiers keep every digit, and finds those that a spreadsheet has damaged.

* A whole number stored as floating point, as pandas and Excel do for columns with nulls, is written without fraction:
  `100000001.0` becomes `100000001`. From 2^53 on not all whole numbers have a floating-point form, so such a number may
  be another one than the source meant: it is marked.
* Text in scientific notation, such as `1.23457E+11`, has lost its last digits in a spreadsheet. It is marked.
* An error of a spreadsheet, such as `#N/A`, is no identifier: all rows that have it would get one matching key. It is
  marked. `="0012"` and `'0012`, with which spreadsheets keep zeros, become `0012`.
* A code is stored in its clean form: without spaces around it and without invisible characters, full-width letters as
  ASCII. `privacy.protection.normal_form` defines this form, and matching keys are made from it too.

A text that matches the column's own `pattern` is never taken for a damaged number.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.ingest.cast_result import CastColumn, collect, keep, sound, to_mask
from pipelines.ingest.value_fault import Fault, ValueFaultError
from pipelines.ingest.value_rule import ValueRule
from privacy.protection.normal_form import SCIENTIFIC, clean_code, is_scientific

EXACT_LIMIT = 2**53
DAMAGED: Fault = ("identifier", "scientific notation: destroyed by a spreadsheet; export the column as text")
NOT_EXACT: Fault = (
    "identifier",
    "a floating-point number of 2^53 or more is no longer exact; export the column as text or integer",
)
# The whole numbers from which on a floating-point type of so many bits has gaps, and the fault of such a number.
EXACT: dict[int, tuple[int, Fault]] = {
    32: (
        2**24,
        (
            "identifier",
            "a 32-bit floating-point number of 2^24 or more is no longer exact; export the column as text",
        ),
    ),
    64: (EXACT_LIMIT, NOT_EXACT),
}
FRACTION: Fault = ("identifier", "a number with a fraction is no identifier; export the column as text")
NO_NUMBER: Fault = ("identifier", "not a number (NaN or infinite); export missing values as null")
CELL_ERROR: Fault = ("identifier", "an error value of a spreadsheet; correct the cell and export the file again")
# The errors of Excel in English and, with other words of capital letters, in other languages; a number that is too wide
# for its column.
_CELL_ERROR = re.compile(r"\s*#(?:N/?[AV]|[A-ZÄÖÜ_]+(?:/0)?[!?]|#{2,})\s*")
_FORCED_TEXT = re.compile(r"""\s*(?:="([^"]*)"|'([0-9]+))\s*""")
WHOLE_FRACTION = r"\s*([0-9]+)\.0+\s*"
_WHOLE_FRACTION = re.compile(WHOLE_FRACTION)


def check_text(values: pa.Array, rule: ValueRule) -> CastColumn:
    """Return a text column with clean codes; damaged identifiers are null and marked.

    Most columns have no suspicious character, which is found out without looking at single values.
    """
    if not _is_suspicious(values, rule):
        return sound(values)
    encoded = values.dictionary_encode()
    results: list[Any] = []
    faults = []
    for position, text in enumerate(encoded.dictionary.to_pylist()):
        try:
            results.append(read_identifier(text, rule))
        except ValueFaultError as error:
            results.append(None)
            faults.append((position, error.fault))
    distinct = collect(results, faults, pa.string())
    return CastColumn(distinct.values.take(encoded.indices), distinct.taken(encoded.indices), distinct.faults)


def read_identifier(text: str, rule: ValueRule) -> str | None:
    """Return one text as it is stored; None for a code without any visible character.

    Raises:
        ValueFaultError: a spreadsheet has damaged it.

    """
    if rule.own_form is not None and rule.own_form.search(text):
        return text
    if is_scientific(text):
        raise ValueFaultError(*DAMAGED)
    if rule.is_identifier and _CELL_ERROR.fullmatch(text):
        raise ValueFaultError(*CELL_ERROR)
    if rule.is_identifier and (forced := _FORCED_TEXT.fullmatch(text)):
        text = forced[1] if forced[2] is None else forced[2]
    if rule.is_code and text and not (text := clean_code(text)):
        return None
    if not rule.is_identifier:
        return text
    match = _WHOLE_FRACTION.fullmatch(text)
    if match is None:
        return text
    if int(match[1]) >= EXACT_LIMIT:
        raise ValueFaultError(*NOT_EXACT)
    return match[1]


def numbers_to_text(values: pa.Array, rule: ValueRule) -> CastColumn:
    """Return floating-point numbers as text, whole ones without fraction.

    Numbers that are no longer exact or not finite are marked, and in a column of identifiers those with a fraction.
    """
    numbers = values.cast(pa.float64())
    dense = numbers.fill_null(0.0).to_numpy(zero_copy_only=False)
    finite = keep(numbers, np.isfinite(dense), NO_NUMBER)
    limit, fault = EXACT[values.type.bit_width]
    exact = keep(finite.values, np.abs(dense) < limit, fault).after(finite)
    whole = np.isfinite(dense) & (dense == np.trunc(dense))
    if rule.is_identifier:
        exact = keep(exact.values, whole, FRACTION).after(exact)
    kept = exact.values
    if whole[to_mask(pc.is_valid(kept))].all():
        return CastColumn(kept.cast(pa.int64()).cast(pa.string()), exact.codes, exact.faults)
    texts = [None if number is None else _shortest(number) for number in kept.to_pylist()]
    return CastColumn(pa.array(texts, pa.string()), exact.codes, exact.faults)


def _shortest(number: float) -> str:
    """Return the shortest decimal text of a number, without exponent and without an empty fraction."""
    return str(int(number)) if number.is_integer() else format(Decimal(repr(number)), "f")


def _is_suspicious(values: pa.Array, rule: ValueRule) -> bool:
    """Return whether a value of the column may have to be changed or marked."""
    data = _bytes_of(values)
    if rule.is_code and (b" " in data or b"\x00" in data or b"\t" in data or not data.isascii()):
        return True
    if rule.is_identifier and (b"#" in data or b"=" in data or b"'" in data):
        return True
    if (b"E" in data and b"." in data) or b"E+" in data or b"e+" in data:
        return _has(values, SCIENTIFIC)
    return rule.is_identifier and b".0" in data and _has(values, WHOLE_FRACTION)


def _has(values: pa.Array, form: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(values, f"^(?:{form})$"), min_count=0).as_py())


def _bytes_of(values: pa.Array) -> bytes:
    """Return the characters of all values of a text column, one after the other."""
    if len(values) == 0:
        return b""
    _, offsets, data = values.buffers()
    if data is None:
        return b""
    ends = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1]
    return bytes(data.slice(int(ends[0]), int(ends[-1] - ends[0])))

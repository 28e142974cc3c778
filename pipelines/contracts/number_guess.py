"""Guesses how numbers are written: decimal and thousands separators, currencies, forms of negative numbers, percent."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pipelines.contracts.reading import Reading, count_misfits
from pipelines.ingest.value_fault import plain_text

SIGNS = ("₩", "$", "€", "£", "¥", "₹", "₫", "฿", "원", "円", "元", "kr", "zł", "Kč", "Ft", "R$", "US$")
CODES = (
    "KRW", "USD", "EUR", "GBP", "JPY", "CNY", "SEK", "NOK", "DKK", "CHF", "PLN", "CZK", "HUF", "CAD", "AUD", "NZD",
    "SGD", "HKD", "TWD", "INR", "BRL", "MXN", "VND", "THB", "TRY", "ZAR", "RUB",
)  # fmt: skip
_CURRENCY = "|".join(re.escape(mark) for mark in sorted((*SIGNS, *CODES), key=len, reverse=True))
_COMMA = "a comma before three digits may be a decimal comma; it is read as thousands separator"
_POINT = "a point before three digits may separate thousands; it is read as the decimal point"
_BODY = r"\d(?:[\d.,' ]*\d)?|[.,]\d+"
_WRITTEN = re.compile(
    rf"(?P<open>\()?(?P<sign>[-+])?\s?(?P<before>{_CURRENCY})?[ ]?(?P<inner>[-+])?(?P<body>{_BODY})"
    rf"(?P<mark>%)?[ ]?(?P<after>{_CURRENCY})?(?P<late>%)?(?P<close>\))?(?P<trailing>-)?"
)
_PLAIN = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?")
_SCIENTIFIC = re.compile(r"-?\d(?:[.,]\d+)?[eE]\+\d{1,3}")
_INTEGER = re.compile(r"-?\d+")
_RENDERED = re.compile(r"-?\d+\.0")
# Numbers with more digits are identifiers: no amount has them, and other programs round them (2^53).
MAX_NUMBER_DIGITS = 15
# Decimal separator and thousands separator, the usual ones first.
_PAIRS = ((".", ""), (",", ""), (".", ","), (",", "."), (",", " "), (".", "'"), (".", " "), (",", "'"))


class _Number(NamedTuple):
    body: str
    currency: tuple[str, ...]
    negative: str
    is_percent: bool


@dataclass(frozen=True)
class FileHint:
    """Separators that other parts of the file suggest, with the evidence; an ambiguous column is read like them."""

    decimals: frozenset[str] = frozenset()
    evidence: str = "other columns of the file show it"

    @property
    def decimal(self) -> str | None:
        """The decimal separator of the file; None if it is not known or not the same everywhere."""
        return next(iter(self.decimals)) if len(self.decimals) == 1 else None


def has_leading_zero(texts: Iterable[str]) -> bool:
    """Return whether a text is a number with a leading zero, such as 0150, which only a text column keeps."""
    return any(len(text) > 1 and text[0] == "0" and text.isdecimal() for text in texts)


def count_scientific(texts: Iterable[str]) -> int:
    """Return how many texts are in scientific notation as spreadsheets write long numbers, such as 8.80123E+12."""
    return sum(_SCIENTIFIC.fullmatch(text) is not None for text in texts)


def is_long_number(text: str) -> bool:
    """Return whether a text is an integer with more digits than a number may have."""
    return _INTEGER.fullmatch(text) is not None and len(text.lstrip("-0")) > MAX_NUMBER_DIGITS


def is_rendered_float(text: str) -> bool:
    """Return whether a text is an integer that a program wrote as a floating-point number, such as 100000001.0."""
    return _RENDERED.fullmatch(text) is not None


def guess_number(texts: Sequence[str], allowed: int, hint: FileHint | None = None) -> Reading | None:
    """Return how the texts are read as numbers, with at most `allowed` misfits; None if they are no numbers."""
    plain = [text for text in texts if _PLAIN.fullmatch(text)]
    if len(texts) - len(plain) <= allowed and plain:
        return _plain(plain, texts, allowed, hint)
    numbers = [number for text in texts if (number := _parse(text)) is not None]
    if len(texts) - len(numbers) > allowed or not numbers:
        return None
    bodies = [number.body for number in numbers]
    currency = sorted({mark for number in numbers for mark in number.currency})
    decimal, thousands, doubt = _separators(bodies, currency, hint)
    form: dict[str, Any] = {}
    if decimal != ".":
        form["decimal"] = decimal
    if thousands:
        form["thousands"] = thousands
    if currency:
        form["currency"] = currency
    if negative := sorted({number.negative for number in numbers if number.negative}):
        form["negative"] = negative
    if any(number.is_percent for number in numbers):
        form["percent"] = True
    scale, digits = _size(bodies, decimal)
    doubts = [doubt] if doubt else []
    if len(currency) > 1 and len({_money(mark) for mark in currency}) > 1:
        doubts.append(f"amounts in different currencies ({', '.join(currency)}) cannot be added up")
    evidence = f"numbers written with {_describe(form)}" if form else ""
    reading = _typed(scale, digits, form, evidence, tuple(doubts))
    return reading if count_misfits(reading, texts) <= allowed else None


def _plain(plain: Sequence[str], texts: Sequence[str], allowed: int, hint: FileHint | None) -> Reading | None:
    if all(_INTEGER.fullmatch(text) for text in plain):
        reading = Reading("integer", "bigint")
        return reading if count_misfits(reading, texts) <= allowed else None
    if any("e" in text or "E" in text for text in plain):
        return Reading("number", "double")
    doubts: tuple[str, ...] = ()
    if _is_three_digits(plain, "."):
        if hint is not None and hint.decimal == ",":
            scale, digits = 0, max(len(text) for text in plain)
            form = {"decimal": ",", "thousands": "."}
            doubts = (f"a point before three digits is read as thousands separator, because {hint.evidence}",)
            return _typed(scale, digits, form, "", doubts)
        doubts = (_POINT,)
    rendered = all(is_rendered_float(text) or _INTEGER.fullmatch(text) for text in plain)
    if rendered:
        return Reading("integer", "bigint", evidence="integers that a program wrote as 1.0")
    scale, digits = _size(plain, ".")
    reading = _typed(scale, digits, {}, "", doubts)
    return reading if count_misfits(reading, texts) <= allowed else None


def _typed(scale: int, digits: int, form: dict[str, Any], evidence: str, doubts: tuple[str, ...] = ()) -> Reading:
    custom = {"numberFormat": form} if form else {}
    if scale == 0 and "percent" not in form:
        return Reading("integer", "bigint", {}, custom, evidence, doubts)
    is_money = scale <= 2 and (scale == 2 or bool(form)) and "percent" not in form
    spark_type = f"decimal({12 if digits <= 10 else 18 if digits <= 16 else 38},2)" if is_money else "double"
    return Reading("number", spark_type, {}, custom, evidence, doubts)


def _parse(text: str) -> _Number | None:
    match = _WRITTEN.fullmatch(plain_text(text))
    if match is None or (match["open"] is None) != (match["close"] is None):
        return None
    currency = tuple(mark for mark in (match["before"], match["after"]) if mark)
    negative = "parentheses" if match["open"] else "trailing" if match["trailing"] else ""
    return _Number(match["body"], currency, negative, bool(match["mark"] or match["late"]))


def _separators(bodies: Sequence[str], currency: Sequence[str], hint: FileHint | None) -> tuple[str, str, str]:
    """Return decimal separator, thousands separator and a doubt, which is "" when the numbers decide."""
    fits = {pair: sum(_fits(body, *pair) for body in bodies) for pair in _PAIRS}
    most = max(fits.values())
    best = [pair for pair in _PAIRS if fits[pair] == most]
    decimal, thousands = best[0]
    single = next((mark for mark in ".," if any(mark in body for body in bodies)), None)
    if single and _is_three_digits(bodies, single):
        other = "," if single == "." else "."
        # Amounts of money have no three decimal places, and decimal places of one column are mostly of one length.
        if currency or (single == "," and any("," not in body for body in bodies)):
            return other, single, ""
        if hint is not None and hint.decimal is not None:
            role = "decimal" if hint.decimal == single else "thousands"
            doubt = f"{single!r} before three digits is read as {role} separator, because {hint.evidence}"
            return (single, "", doubt) if role == "decimal" else (other, single, doubt)
        return (other, single, _COMMA) if single == "," else (single, "", _POINT)
    return decimal, thousands, ""


def _fits(body: str, decimal: str, thousands: str) -> bool:
    whole, mark, fraction = body.rpartition(decimal) if decimal in body else (body, "", "")
    if mark and not (fraction.isdecimal() and (whole or body.startswith(decimal))):
        return False
    if not thousands:
        return whole.isdecimal() or not whole
    first, *groups = whole.split(thousands)
    return first.isdecimal() and (len(first) <= 3 or not groups) and all(len(g) == 3 and g.isdecimal() for g in groups)


def _is_three_digits(bodies: Sequence[str], mark: str) -> bool:
    """Return whether each separator is single and stands between one to three digits, not 0, and three digits."""
    form = re.compile(rf"-?[1-9]\d{{0,2}}{re.escape(mark)}\d{{3}}")
    others = set(".,' ") - {mark}
    marked = [body for body in bodies if mark in body]
    if not marked or any(set(body) & others for body in bodies):
        return False
    # An integer of more than three digits without a separator shows that thousands are not separated.
    has_long = any(mark not in body and len(body.lstrip("-")) > 3 for body in bodies)
    return not has_long and all(form.fullmatch(body) for body in marked)


def _size(bodies: Iterable[str], decimal: str) -> tuple[int, int]:
    """Return the largest number of decimal places and of digits before them."""
    scale = digits = 0
    for body in bodies:
        whole, mark, fraction = body.rpartition(decimal) if decimal in body else (body, "", "")
        scale = max(scale, len(fraction) if mark else 0)
        digits = max(digits, sum(letter.isdecimal() for letter in whole))
    return scale, digits


def _money(mark: str) -> str:
    same = {"₩": "KRW", "원": "KRW", "$": "USD", "US$": "USD", "€": "EUR", "£": "GBP", "円": "JPY", "元": "CNY"}
    return same.get(mark, mark)


def _describe(form: dict[str, Any]) -> str:
    parts = [f"decimal separator {form['decimal']!r}"] if "decimal" in form else []
    parts += [f"thousands separator {form['thousands']!r}"] if "thousands" in form else []
    parts += ["a currency"] if "currency" in form else []
    parts += [f"negative numbers by {' and '.join(form['negative'])}"] if "negative" in form else []
    parts += ["%"] if "percent" in form else []
    return ", ".join(parts)


def proven_decimals(readings: Iterable[Reading]) -> FileHint:
    """Return the decimal separators of the columns whose reading is not in doubt and that have decimal places."""
    counts: Counter[str] = Counter()
    for reading in readings:
        if reading.logical_type == "number" and not reading.doubts:
            counts[reading.custom.get("numberFormat", {}).get("decimal", ".")] += 1
        elif reading.logical_type == "integer" and not reading.doubts:
            thousands = reading.custom.get("numberFormat", {}).get("thousands", "")
            counts.update({",": "."}.get(thousands, "") or {".": ","}.get(thousands, ""))
    return FileHint(frozenset(counts))

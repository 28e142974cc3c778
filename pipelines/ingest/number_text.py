"""Reads numbers as people and spreadsheets write them, by the number format of the contract.

Without a number format only the plain form is read: `-1234.5`, `1.5e3`. A number in another form is never guessed; the
fault names the form, so that the contract can state it.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.ingest.value_fault import ValueFaultError, plain_text
from privacy.contract.column import NumberFormat

RULE = "number_format"
PLAIN_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_CURRENCY_CODE = re.compile(r"(?:^|[\d\s(.,-])(?:[A-Z]{3}|원|元|円|kr\.?|zł|Kč|Ft|лв|руб\.?|Rs\.?|R\$)(?:$|[\d\s).,-])")
_GROUPED = re.compile(r"\d{1,3}(?:([.,' ])\d{3})(?:\1\d{3})*(?:(?!\1)[.,]\d+)?")
_REPEATED_GROUP = re.compile(r"\d{1,3}(?:([.,' ])\d{3}){2,}(?:(?!\1)[.,]\d+)?")
_DECIMAL_COMMA = re.compile(r"\d*,\d+")
_SIGNS = re.compile(r"[^\d.,' ]")


def plain_number(text: str, form: NumberFormat | None) -> str:
    """Return a number in plain form, such as `-1234.5`, from its text in the contract's number format.

    Groups of digits must be complete: `1,234,567` and `1234567` are numbers with the thousands separator `,`, and
    `1,23,4` is none. At most one sign and one currency may stand before or after the digits.

    Raises:
        ValueFaultError: the text is not a number of this format; the reason names the form that it seems to have.

    >>> plain_number("₩ -1,234.50", NumberFormat(thousands=",", currency=("₩",)))
    '-1234.50'
    >>> plain_number("12,5 %", NumberFormat(decimal=",", percent=True))
    '0.125'
    """
    text = plain_text(text)
    if form is None:
        if PLAIN_NUMBER.fullmatch(text):
            return text
        raise ValueFaultError(*describe(text, None))
    match = _pattern(form).fullmatch(text)
    if match is None:
        raise ValueFaultError(*describe(text, form))
    signs = [match[name] for name in ("outer", "inner", "after") if match[name]]
    currencies = [match[name] for name in ("first", "second", "third", "fourth") if match[name]]
    is_bracketed = bool(match["open"])
    if is_bracketed != bool(match["close"]) or len(signs) + is_bracketed > 1 or len(currencies) > 1:
        raise ValueFaultError(*describe(text, form))
    digits = match["number"]
    if form.thousands:
        digits = digits.replace(_plain_sign(form.thousands), "")
    digits = digits.replace(form.decimal, ".")
    if form.percent:
        digits = format(Decimal(digits).scaleb(-2), "f")
    return f"-{digits}" if is_bracketed or "-" in signs else digits


def in_format(number: str, form: NumberFormat | None) -> str:
    """Return a typed number, such as that of a JSON file, as text that `plain_number` reads as the same number.

    >>> in_format("1.234", NumberFormat(",", ".")), plain_number("1,234", NumberFormat(",", "."))
    ('1,234', '1.234')
    """
    return number if form is None else number.replace(".", form.decimal)


def plain_column(values: pa.Array, form: NumberFormat) -> pa.Array | None:
    """Return a column of numbers in plain form, if all have a decimal and a thousands separator and nothing else.

    Returns None if a value has another form; then each is read by `plain_number`, with the same result.
    """
    if form.percent:
        return None
    shape = f"^-?({_number(form)})$"
    if not pc.all(pc.match_substring_regex(values, shape), min_count=0).as_py():
        return None
    if form.thousands:
        values = pc.replace_substring(values, _plain_sign(form.thousands), "")
    return values if form.decimal == "." else pc.replace_substring(values, form.decimal, ".")


def describe(text: str, form: NumberFormat | None) -> tuple[str | None, str]:
    """Return the rule and the reason why a text is not a number, without its digits; (None, "") if it is no number."""
    found = _forms(text)
    if not found and form is not None and PLAIN_NUMBER.fullmatch(text):
        found = ["no percent sign" if form.percent and "%" not in text else "a plain number"]
    if not found:
        return None, ""
    stated = "state numberFormat in the contract" if form is None else "the contract's numberFormat states another form"
    return RULE, f"{', '.join(found)}: {stated}"


def _forms(text: str) -> list[str]:
    """Return the names of the forms in which a number differs from the plain form; empty if it is no number."""
    if not any(letter.isdigit() for letter in text):
        return []
    found = []
    if any(unicodedata.category(letter) == "Sc" for letter in text) or _CURRENCY_CODE.search(text):
        found.append("currency sign")
        text = _CURRENCY_CODE.sub(lambda match: re.sub(r"[^\d\s().,-]", "", match[0]), text)
    text = "".join(letter for letter in text if unicodedata.category(letter) != "Sc").strip()
    if text.startswith("(") and text.endswith(")"):
        found.append("parentheses")
        text = text[1:-1].strip()
    if "%" in (text[:1], text[-1:]):
        found.append("percent")
        text = text.strip("%").strip()
    if text.endswith("-"):
        found.append("trailing minus")
        text = text[:-1].strip()
    text = text.lstrip("+-").strip()
    if _SIGNS.search(text):
        return []
    return found + _separators(text)


def _separators(digits: str) -> list[str]:
    match = _GROUPED.fullmatch(digits)
    if match and (_REPEATED_GROUP.fullmatch(digits) or match[1] in "' "):
        found = ["thousands separator"]
    elif match and match[1] == "," and "." not in digits:
        found = ["thousands separator or decimal comma"]
    elif match and ("," in digits or "." not in digits):
        found = ["thousands separator"]
    elif _DECIMAL_COMMA.fullmatch(digits):
        return ["decimal comma"]
    elif "," in digits or digits.count(".") > 1 or "'" in digits or " " in digits:
        return ["digits in irregular groups"]
    else:
        return []
    if digits[len(digits.rstrip("0123456789")) - 1] == "," and match[1] != ",":
        found.append("decimal comma")
    return found


@cache
def _pattern(form: NumberFormat) -> re.Pattern[str]:
    signs = sorted((re.escape(plain_text(sign)) for sign in form.currency), key=len, reverse=True)
    currency = f"(?:{'|'.join(signs)})" if signs else "(?!)"
    opening, closing = (r"\(", r"\)") if "parentheses" in form.negative else ("(?!)", "(?!)")
    after = "-" if "trailing" in form.negative else "(?!)"
    percent = " ?%" if form.percent else ""
    return re.compile(
        rf"(?P<outer>[+-])? ?(?P<first>{currency})? ?(?P<open>{opening})? ?(?P<second>{currency})? ?(?P<inner>[+-])? ?"
        rf"(?P<number>{_number(form)}){percent} ?(?P<after>{after})? ?(?P<third>{currency})? ?"
        rf"(?P<close>{closing})? ?(?P<fourth>{currency})?"
    )


def _number(form: NumberFormat) -> str:
    """Return the regular expression of digits in a format, for Python and for RE2."""
    decimal = re.escape(form.decimal)
    whole = "[0-9]+"
    if form.thousands:
        whole = f"(?:[0-9]{{1,3}}(?:{re.escape(_plain_sign(form.thousands))}[0-9]{{3}})+|[0-9]+)"
    return f"(?:{whole}(?:{decimal}[0-9]+)?|{decimal}[0-9]+)"


def _plain_sign(sign: str) -> str:
    return "'" if sign == "’" else sign

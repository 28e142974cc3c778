"""Recognises direct identifiers by the form of a value, such as an e-mail address in a text.

The forms are regular expressions of RE2, which reads a column in linear time. A text is compared without width (NFKC),
kinds of dashes, and characters that show nothing.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

_LEFT, _RIGHT = r"(?:^|[^\p{L}\d])", r"(?:$|[^\p{L}\d])"
_BREAK = r"[-\s./()]{1,3}"
_HEX = "[0-9A-Fa-f]"
_DAY = r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
TEXT_FORMS = {
    "e-mail addresses": r"[^@\s]+\s?@\s?[^@\s]+\.\p{L}{2,}|^[^@\s]+@[^@\s]+$"
    r"|[^@\s]\s?[(\[]\s?at\s?[)\]]\s?\S",
    "user names": r"^@[\p{L}\d_.]{3,}$",
    "resident registration numbers": rf"{_LEFT}\d{{2}}{_DAY}[-\s]?[1-8]\d{{6}}{_RIGHT}",
    "social security numbers": rf"{_LEFT}\d{{3}}-\d{{2}}-\d{{4}}{_RIGHT}",
    "bank account numbers": rf"{_LEFT}[A-Z]{{2}}\d{{2}}(?:\s?[A-Z\d]{{4}}){{3,7}}(?:\s?[A-Z\d]{{1,3}})?{_RIGHT}",
    "payment card numbers": rf"{_LEFT}(?:\d{{16}}|(?:\d{{4}}-){{3}}\d{{4}}|(?:\d{{4}}\s){{3}}\d{{4}}"
    rf"|(?:\d{{4}}\.){{3}}\d{{4}}|3[47]\d\d[-\s.]?\d{{6}}[-\s.]?\d{{5}}){_RIGHT}",
    # A mobile number; an area code and groups; a country code; groups as in North America; a number with a zero before.
    "telephone numbers": rf"{_LEFT}(?:\+?82(?:{_BREAK})?(?:\(?0\)?)?|0)1[016789]"
    rf"(?:{_BREAK})?\d{{3,4}}(?:{_BREAK})?\d{{4}}{_RIGHT}"
    rf"|{_LEFT}\(?(?:0\d{{2,4}}{_BREAK}\d{{2,4}}|02{_BREAK}\d{{3,4}})(?:{_BREAK})?\d{{3,5}}{_RIGHT}"
    rf"|(?:^|\s)(?:\+|00)[1-9](?:\d{{8,14}}|\d{{0,2}}{_BREAK}\d[\d\s()./-]{{5,16}}\d)(?:$|\s)"
    rf"|{_LEFT}\(?[2-9]\d{{2}}{_BREAK}\d{{3}}[-\s.]\d{{4}}{_RIGHT}"
    rf"|{_LEFT}0[1-9]\d{{7,9}}{_RIGHT}"
    rf"|{_LEFT}0(?:\s\d){{8,10}}{_RIGHT}",
    "account or licence numbers": rf"{_LEFT}\d{{2,6}}-\d{{2,6}}-\d{{5,8}}(?:-\d{{1,4}})?{_RIGHT}",
    "passport or member numbers": rf"{_LEFT}[A-Za-z]{{1,2}}\d{{8,9}}{_RIGHT}",
    "internet addresses of devices": rf"{_LEFT}(?:{_OCTET}\.){{3}}{_OCTET}(?:$|[^\p{{L}}\d.])"
    rf"|{_LEFT}(?:{_HEX}{{1,4}}:){{4,7}}{_HEX}{{1,4}}{_RIGHT}|{_HEX}{{1,4}}::(?:{_HEX}{{1,4}}|\b)"
    rf"|{_LEFT}(?:{_HEX}{{2}}[:-]){{5}}{_HEX}{{2}}{_RIGHT}",
    "identifiers of devices or records": rf"{_LEFT}{_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}{_RIGHT}"
    rf"|{_LEFT}(?:[a-z]{{1,3}}_)?{_HEX}{{32,}}{_RIGHT}|{_LEFT}[a-z]{{1,3}}_{_HEX}{{16,}}{_RIGHT}",
}
"""Forms of direct identifiers in a text. One value is enough, because a label or a cell would publish it."""
NUMBER_FORMS = {
    "telephone numbers": r"(?:82)?1[016789]\d{7,8}",
    "resident registration numbers": r"\d{0,2}(?:0?[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])[1-8]\d{6}",
    "payment card numbers": r"[2-6]\d{15}|3[47]\d{13}",
}
"""Forms of direct identifiers that are stored as numbers, without the zeros before them."""
NUMBER_SHARE = 0.5
"""Least share of the long numbers with a form of `NUMBER_FORMS`. An amount may have it by chance."""
LONG_NUMBER = r"\d{9,16}"
_NUMBER = r"[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?"
_TIME = r"\d{4}-\d{2}(?:-\d{2}(?:[T\s].*)?)?"


def find_identifier_form(texts: pa.Array) -> str | None:
    """Return what kind of direct identifier distinct values hold, such as "e-mail addresses"; None if they hold none.

    Args:
        texts: the distinct values of a column as text, numbers in decimal notation.

    >>> find_identifier_form(pa.array(["none", "write to kim＠example.com"]))
    'e-mail addresses'
    >>> find_identifier_form(pa.array(["1012345678", "1087654321"]))
    'telephone numbers'
    >>> find_identifier_form(pa.array(["2026-11-29 10:00:00", "12.5", "150000000"]))
    """
    texts = plain_texts(texts)
    # A fraction or an amount is no telephone number; a digit string with a zero before, or a plus, is no amount.
    is_number = pc.and_(
        pc.match_substring_regex(texts, f"^(?:{_NUMBER})$"), pc.invert(pc.match_substring_regex(texts, r"^(?:0\d|\+)"))
    )
    is_time = pc.match_substring_regex(texts, f"^(?:{_TIME})$")
    numbers = texts.filter(pc.match_substring_regex(texts, f"^{LONG_NUMBER}$"))
    texts = texts.filter(pc.invert(pc.or_(is_number, is_time)))
    for kind, form in TEXT_FORMS.items():
        if pc.any(pc.match_substring_regex(texts, form)).as_py():
            return kind
    for kind, form in NUMBER_FORMS.items():
        found = pc.sum(pc.match_substring_regex(numbers, f"^(?:{form})$")).as_py() or 0
        if found and found >= NUMBER_SHARE * len(numbers):
            return kind
    return None


def plain_texts(texts: pa.Array) -> pa.Array:
    """Return texts without what makes no difference between the spellings of an identifier."""
    texts = texts.cast(pa.string()).drop_null()
    if pc.all(pc.string_is_ascii(texts)).as_py():
        return texts
    texts = pc.utf8_normalize(texts, form="NFKC")
    for pattern, instead in ((r"\p{Cf}", ""), (r"\p{Pd}", "-"), (r"[\p{Zs}]", " ")):
        texts = pc.replace_substring_regex(texts, pattern=pattern, replacement=instead)
    return texts

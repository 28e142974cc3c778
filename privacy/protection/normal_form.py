"""The normal form of a value, which is equal for all spellings of one phone number, e-mail address or name.

Pure functions from text to text. They return None for a text that is not such a value. Tokens are computed from normal
forms, and silver tables contain normal forms. So both agree on which values are equal.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache, partial

DEFAULT_REGION = "KR"

_SPACES = re.compile(r"\s+")
# Characters that people write between the digits of a number.
_PUNCTUATION = re.compile(r"[\s().\-·‐-―_/]+")
# Korean mobile numbers: 010 with eight digits, the older prefixes with seven or eight.
_KOREAN_MOBILE = re.compile(r"(?:0|\+?82\+?0?)(10\d{8}|1[16-9]\d{7,8})")
# A number written after another one by its last digits only: 02-555-0100/1, 02-555-0100~2.
_NEXT_NUMBER = re.compile(r"(.*\d)\s*[/~,]\s*\d{1,4}\s*")
_LEAST_DIGITS = 9
# Marks between two numbers, each with at least so many digits.
_BETWEEN = re.compile(r"[/,;|&]")
_LOCAL_DIGITS = 7
# Most digits of a number, E.164. More digits are several numbers.
MOST_PHONE_DIGITS = 15
# Spreadsheets write 1.23E+11, Python 1e+23, Java 1.23E11; 12E34 is a code.
SCIENTIFIC = r"\s*[+-]?(?:[0-9]+(?:[.,][0-9]+)?[eE]\+[0-9]+|[0-9]+[.,][0-9]+E[0-9]+)\s*"
_SCIENTIFIC = re.compile(SCIENTIFIC)
# Characters that nobody sees: control characters, zero-width ones, the byte order mark, marks of the writing direction.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
# Parsing a number takes tens of microseconds, and the same numbers occur many times.
_CACHE_SIZE = 1 << 16
# The worst known texts need two steps.
_MOST_STEPS = 8


def normalise_text(text: str) -> str | None:
    """Return the text in Unicode NFC, with single spaces inside and none at the ends; None if it is empty.

    >>> normalise_text("  김  하늘 ")
    '김 하늘'
    """
    return _SPACES.sub(" ", unicodedata.normalize("NFC", text)).strip() or None


def normalise_name(text: str) -> str | None:
    """Return a person's name for comparison: NFKC, no case, single spaces; None if it is empty.

    Spaces of Hangul names are removed, because they are written with and without a space after the family name.

    >>> normalise_name("김 하늘"), normalise_name("KIM  Ha-neul")
    ('김하늘', 'kim ha-neul')
    """
    return _settle(_name_step, text) or None


def normalise_email(text: str) -> str | None:
    """Return an e-mail address in NFKC, without case and spaces; None unless it has one @ with text on both sides.

    >>> normalise_email(" Kim@Example.COM "), normalise_email("none")
    ('kim@example.com', None)
    """
    email = _settle(_email_step, text)
    return email if _EMAIL.fullmatch(email) else None


def normalise_identifier(text: str) -> str | None:
    """Return a member, card or device number: NFKC, capitals, without separators and invisible characters.

    None if it is empty. A code as it arrived and the code that bronze stores (`clean_code`) have the same form.

    >>> normalise_identifier(" 9410-0000-1000-7919 ")
    '9410000010007919'
    """
    return _settle(_identifier_step, text) or None


def clean_code(text: str) -> str:
    """Return a code as bronze stores it: NFKC, without invisible characters and without spaces around it.

    NFKC writes full-width letters and digits as ASCII. Case, inner spaces and separators stay.

    >>> clean_code("\ufeffＭ００１\u200b\u00a0"), clean_code(" ab-1 ")
    ('M001', 'ab-1')
    """
    return _settle(_clean_step, text)


@lru_cache(_CACHE_SIZE)
def normalise_phone(text: str, region: str = DEFAULT_REGION) -> str | None:
    """Return a phone number in E.164, by its country's numbering plan; None if it is not a possible number.

    Of a field with several numbers the first counts. A number in scientific notation has lost digits and is none.

    `region`: country of numbers that are written without a country code.

    >>> normalise_phone("010 1234-5678"), normalise_phone("+82 (0)10-1234-5678"), normalise_phone("12")
    ('+821012345678', '+821012345678', None)
    >>> normalise_phone("010-1234-5678 / 02-555-0100"), normalise_phone("8.21012E+11")
    ('+821012345678', None)
    """
    return next(iter(phone_numbers(text, region)), None)


def phone_numbers(text: str, region: str = DEFAULT_REGION) -> tuple[str, ...]:
    """Return the phone numbers of a field in E.164, in their order. A second number of a few digits is left out.

    >>> phone_numbers("010-1234-5678, 02-555-0100"), phone_numbers("02-555-0100/1"), phone_numbers("010/1234/5678")
    (('+821012345678', '+8225550100'), ('+8225550100',), ('+821012345678',))
    """
    compact = _settle(_compact_step, text)
    if region == "KR" and (mobile := _KOREAN_MOBILE.fullmatch(compact)):
        return (f"+82{mobile.group(1)}",)
    if is_scientific(text):
        return ()
    plain = _settle(_clean_step, text)
    if (first := _NEXT_NUMBER.fullmatch(plain)) and len(_digits(first[1])) >= _LEAST_DIGITS:
        return phone_numbers(first[1], region)
    is_one = sum(len(_digits(part)) >= _LOCAL_DIGITS for part in _BETWEEN.split(plain)) < 2
    if is_one and len(_digits(plain)) <= MOST_PHONE_DIGITS and (number := parse_phone(compact, region)):
        return (number,)
    import phonenumbers

    form, possible = phonenumbers.PhoneNumberFormat.E164, phonenumbers.Leniency.POSSIBLE
    found = phonenumbers.PhoneNumberMatcher(plain, region, possible)
    return tuple(dict.fromkeys(phonenumbers.format_number(match.number, form) for match in found))


def is_scientific(text: str) -> bool:
    """Return whether a text is a number in scientific notation, in which a spreadsheet has lost digits.

    >>> is_scientific("8.21012E+11"), is_scientific("12E34")
    (True, False)
    """
    return _SCIENTIFIC.fullmatch(text) is not None


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def parse_phone(text: str, region: str) -> str | None:
    """Return a number in E.164 if it is possible by its country's numbering plan; otherwise None."""
    # Imported here, because the tables of all countries load slowly and most numbers do not need them.
    import phonenumbers

    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def normaliser(kind: str, region: str = DEFAULT_REGION) -> Callable[[str], str | None]:
    """Return the function that normalises a kind of matching key: phone, email, name; all others are identifiers."""
    forms: dict[str, Callable[[str], str | None]] = {
        "phone": partial(normalise_phone, region=region),
        "email": normalise_email,
        "name": normalise_name,
    }
    return forms.get(kind, normalise_identifier)


def _settle(step: Callable[[str], str], text: str) -> str:
    """Return the text after repeating a step until it changes nothing: removing a space may let NFKC join letters."""
    form = step(text)
    if text.isascii():
        return form
    for _ in range(_MOST_STEPS):
        previous, form = form, step(form)
        if form == previous:
            break
    return form


def _name_step(text: str) -> str:
    name = _SPACES.sub(" ", unicodedata.normalize("NFKC", _visible(text))).strip().casefold()
    return name.replace(" ", "") if _is_hangul(name) else name


def _email_step(text: str) -> str:
    return _SPACES.sub("", unicodedata.normalize("NFKC", _visible(text))).casefold()


def _compact_step(text: str) -> str:
    return _PUNCTUATION.sub("", unicodedata.normalize("NFKC", _visible(text)))


def _clean_step(text: str) -> str:
    return unicodedata.normalize("NFKC", _visible(text)).strip()


def _visible(text: str) -> str:
    """Return the text without invisible characters."""
    return text if text.isprintable() else _INVISIBLE.sub("", text)


def _identifier_step(text: str) -> str:
    return _compact_step(text).upper()


def _is_hangul(text: str) -> bool:
    return bool(text) and all("가" <= letter <= "힣" or letter == " " for letter in text)

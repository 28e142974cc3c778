"""The normal form of a value: what two spellings of one phone, e-mail or name have in common.

Pure functions from text to text. None means that no such value can be read from the text. Tokens are made
of these forms and silver carries them, so both agree on what is equal.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache, partial

DEFAULT_REGION = "KR"

_SPACES = re.compile(r"\s+")
# What people put between the digits of a number.
_PUNCTUATION = re.compile(r"[\s().\-·‐-―_/]+")
# Korean mobile numbers: 010 with eight digits, the older prefixes with seven or eight.
_KOREAN_MOBILE = re.compile(r"(?:0|\+?82\+?0?)(10\d{8}|1[16-9]\d{7,8})")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
# Each number takes tens of microseconds to parse by the plan; the same ones come again and again.
_CACHE_SIZE = 1 << 16
# Two are what the worst known texts take.
_MOST_STEPS = 8


def normalise_text(text: str) -> str | None:
    """Unicode NFC with single inner spaces and none outside; None when nothing is left.

    >>> normalise_text("  김  하늘 ")
    '김 하늘'
    """
    return _SPACES.sub(" ", unicodedata.normalize("NFC", text)).strip() or None


def normalise_name(text: str) -> str | None:
    """A person's name for comparison: NFKC, no case; spaces only between words of Latin script.

    Hangul names are written with and without a space after the family name.

    >>> normalise_name("김 하늘"), normalise_name("KIM  Ha-neul")
    ('김하늘', 'kim ha-neul')
    """
    return _settle(_name_step, text) or None


def normalise_email(text: str) -> str | None:
    """NFKC, no case, no spaces; None unless it has one @ with something on both sides.

    >>> normalise_email(" Kim@Example.COM "), normalise_email("none")
    ('kim@example.com', None)
    """
    email = _settle(_email_step, text)
    return email if _EMAIL.fullmatch(email) else None


def normalise_identifier(text: str) -> str | None:
    """A number of a member, card or device: NFKC, capitals, without spaces and hyphens.

    >>> normalise_identifier(" 9410-0000-1000-7919 ")
    '9410000010007919'
    """
    return _settle(_identifier_step, text) or None


@lru_cache(_CACHE_SIZE)
def normalise_phone(text: str, region: str = DEFAULT_REGION) -> str | None:
    """E.164 by the country's numbering plan; None when it is no possible number.

    `region` is the country of numbers that are written without a country code.

    >>> normalise_phone("010 1234-5678"), normalise_phone("+82 (0)10-1234-5678"), normalise_phone("12")
    ('+821012345678', '+821012345678', None)
    """
    compact = _settle(_compact_step, text)
    if region == "KR" and (mobile := _KOREAN_MOBILE.fullmatch(compact)):
        return f"+82{mobile.group(1)}"
    return parse_phone(compact, region)


def parse_phone(text: str, region: str) -> str | None:
    """E.164 of a number that is possible by its country's plan; else None."""
    # The tables of all countries' plans take a moment to load, and most numbers do not need them.
    import phonenumbers

    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def normaliser(kind: str, region: str = DEFAULT_REGION) -> Callable[[str], str | None]:
    """The normal form of a kind of matching key: phone, email, name, or an identifier of any other kind."""
    forms: dict[str, Callable[[str], str | None]] = {
        "phone": partial(normalise_phone, region=region),
        "email": normalise_email,
        "name": normalise_name,
    }
    return forms.get(kind, normalise_identifier)


def _settle(step: Callable[[str], str], text: str) -> str:
    """Apply a step until it changes nothing: taking out a space may bring letters together that NFKC then composes."""
    form = step(text)
    if text.isascii():
        return form
    for _ in range(_MOST_STEPS):
        previous, form = form, step(form)
        if form == previous:
            break
    return form


def _name_step(text: str) -> str:
    name = _SPACES.sub(" ", unicodedata.normalize("NFKC", text)).strip().casefold()
    return name.replace(" ", "") if _is_hangul(name) else name


def _email_step(text: str) -> str:
    return _SPACES.sub("", unicodedata.normalize("NFKC", text)).casefold()


def _compact_step(text: str) -> str:
    return _PUNCTUATION.sub("", unicodedata.normalize("NFKC", text))


def _identifier_step(text: str) -> str:
    return _compact_step(text).upper()


def _is_hangul(text: str) -> bool:
    return bool(text) and all("가" <= letter <= "힣" or letter == " " for letter in text)

"""Phones, e-mail addresses, names and free text as silver carries them. `None` means no usable value."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import phonenumbers

_SPACE = re.compile(r"\s+")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
# Zero-width characters and the soft hyphen, which exports leave in texts and nobody sees.
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))


@lru_cache(maxsize=100_000)
def phone_form(text: str, region: str = "KR") -> str | None:
    """Write a phone number in E.164; a number too long or too short for its country is `None`.

    >>> phone_form("010-1234-5678"), phone_form("+1 (212) 555-0100"), phone_form("123")
    ('+821012345678', '+12125550100', None)
    """
    try:
        number = phonenumbers.parse(unicodedata.normalize("NFKC", text), region)
    except phonenumbers.NumberParseException:
        return None
    # Numbers that are possible but not yet given to anybody stay: a plan grows, and tests use nothing else.
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def email_form(text: str) -> str | None:
    """Write an e-mail address without blanks around, in lower case.

    >>> email_form(" Min.Su@Mail.example "), email_form("nobody")
    ('min.su@mail.example', None)
    """
    plain = unicodedata.normalize("NFKC", text).translate(_INVISIBLE).strip().lower()
    return plain if _EMAIL.fullmatch(plain) else None


def text_form(text: str) -> str | None:
    r"""Write a text in Unicode NFC (Hangul in whole syllables), without invisible characters around.

    >>> text_form("\u1112\u1161\u11ab ") == "한"
    True
    """
    return unicodedata.normalize("NFC", text).translate(_INVISIBLE).strip() or None


def name_form(text: str) -> str | None:
    """Write a person's name in NFC with single spaces; a name in Hangul syllables alone has none.

    >>> name_form("김 민준"), name_form(" Min-jun   KIM ")
    ('김민준', 'Min-jun KIM')
    """
    plain = _SPACE.sub(" ", text_form(text) or "")
    whole = plain.replace(" ", "")
    return (whole if re.fullmatch("[가-힣]+", whole) else plain) or None

"""Standardises phone numbers (E.164), e-mail addresses and device ids."""

import re
from functools import lru_cache

from pipelines.matching.standardise.text import fold
from privacy.protection.normal_form import MOST_PHONE_DIGITS, is_scientific, normalise_phone

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
# Providers that ignore dots in the local part.
_DOTLESS = frozenset({"gmail.com", "googlemail.com"})
_DEVICE_NOISE = re.compile(r"[^0-9a-z]")
_EMPTY_DEVICES = frozenset({"0" * 32, "0" * 16, "f" * 32, "unknown", "00000000000000000000000000000000"})


@lru_cache(maxsize=200_000)
def standardise_phone(text: str | None, region: str = "KR") -> str | None:
    """Return a phone number in E.164, or its digits if no numbering plan accepts them (a typing error).

    Of a field with several numbers the first counts. Returns `None` for fewer than seven digits, for a number in
    scientific notation, and where the last seven digits are equal: a number such as `010-0000-0000` is the default
    value of a form.

    Args:
        text: as written in the file.
        region: two-letter country whose numbering plan applies to numbers without a country code.

    >>> standardise_phone("010-1234-5678"), standardise_phone("+82 10 1234 5678")
    ('+821012345678', '+821012345678')
    >>> standardise_phone("010-0000-0000") is None
    True
    """
    folded = fold(text)
    if folded is None or is_scientific(text or ""):
        return None
    number = normalise_phone(folded, region)
    digits = re.sub(r"\D", "", number or folded)
    if not 7 <= len(digits) <= MOST_PHONE_DIGITS or len(set(digits[-7:])) == 1:
        return None
    return number or digits


def standardise_email(text: str | None) -> str | None:
    """Return an e-mail address in lower case, without a `+tag`, and without dots where the provider ignores them.

    Returns `None` for text that is not an address, and for placeholders such as `none@…` and `noreply@…`.

    >>> standardise_email(" Min.Su+shop@GMail.com "), standardise_email("nobody")
    ('minsu@gmail.com', None)
    """
    folded = fold(text)
    if folded is None or not _EMAIL.fullmatch(folded):
        return None
    local, domain = folded.rsplit("@", 1)
    local = local.split("+", 1)[0]
    if domain in _DOTLESS:
        local, domain = local.replace(".", ""), "gmail.com"
    if local in {"noemail", "none", "na", "test", "no-reply", "noreply", "email", "unknown", ""}:
        return None
    return f"{local}@{domain}"


def standardise_device(text: str | None) -> str | None:
    """Return a device or cookie id as lower-case letters and digits.

    Returns `None` for ids that repeat one character: phones send zeros if the user refuses tracking.

    >>> standardise_device("{AB-12-cd}"), standardise_device("00000000-0000-0000-0000-000000000000")
    ('ab12cd', None)
    """
    folded = fold(text)
    bare = _DEVICE_NOISE.sub("", folded) if folded else ""
    return None if not bare or bare in _EMPTY_DEVICES or len(set(bare)) == 1 else bare

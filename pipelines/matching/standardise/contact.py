"""Phones (E.164), e-mail addresses and device ids."""

import re
from functools import lru_cache

from pipelines.matching.standardise.text import fold
from privacy.protection.normal_form import parse_phone

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
# Providers that ignore dots in the local part.
_DOTLESS = frozenset({"gmail.com", "googlemail.com"})
_DEVICE_NOISE = re.compile(r"[^0-9a-z]")
_EMPTY_DEVICES = frozenset({"0" * 32, "0" * 16, "f" * 32, "unknown", "00000000000000000000000000000000"})


@lru_cache(maxsize=200_000)
def standardise_phone(text: str | None, region: str = "KR") -> str | None:
    """Return E.164, or the digits as they are when no plan accepts them (a typing error is still comparable).

    Numbers that repeat one digit in the subscriber part (`010-0000-0000`) are defaults of a form, not phones:
    `None`.

    >>> standardise_phone("010-1234-5678"), standardise_phone("+82 10 1234 5678")
    ('+821012345678', '+821012345678')
    >>> standardise_phone("010-0000-0000") is None
    True
    """
    folded = fold(text)
    if folded is None:
        return None
    digits = re.sub(r"\D", "", folded)
    if len(digits) < 7 or len(set(digits[-7:])) == 1:
        return None
    return parse_phone(folded, region) or digits


def standardise_email(text: str | None) -> str | None:
    """Return the address in lower case, without a `+tag`, and without dots where the provider ignores them.

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
    """Return a device or cookie id as bare lower-case letters and digits; all-zero ids (tracking refused) are
    `None`.

    >>> standardise_device("{AB-12-cd}"), standardise_device("00000000-0000-0000-0000-000000000000")
    ('ab12cd', None)
    """
    folded = fold(text)
    bare = _DEVICE_NOISE.sub("", folded) if folded else ""
    return None if not bare or bare in _EMPTY_DEVICES or len(set(bare)) == 1 else bare

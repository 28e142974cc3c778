"""Converts names and free text to the standard form of the silver layer.

The result is readable. Matching tokens are made from a stricter form (`privacy.protection.normal_form`).
"""

from __future__ import annotations

import re
import unicodedata

from privacy.protection.normal_form import normalise_text

_HANGUL_NAME = re.compile(r"[가-힣 ]+")
# Invisible characters that exports leave in texts: zero-width characters and the soft hyphen.
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))


def tidy_text(text: str) -> str | None:
    r"""Return a text in Unicode NFC (Hangul as whole syllables) without invisible characters; None if none is left.

    Line breaks are kept.

    >>> tidy_text("\u1112\u1161\u11ab\u200b ") == "한"
    True
    """
    return unicodedata.normalize("NFC", text).translate(_INVISIBLE).strip() or None


def tidy_name(text: str) -> str | None:
    """Return a person's name in NFC with single spaces; a name in Hangul gets no spaces. None if no text is left.

    >>> tidy_name("김 민준"), tidy_name(" Min-jun   KIM ")
    ('김민준', 'Min-jun KIM')
    """
    plain = normalise_text(text.translate(_INVISIBLE))
    if plain is not None and _HANGUL_NAME.fullmatch(plain):
        return plain.replace(" ", "")
    return plain

"""Normalises text (Unicode form, case, spaces, accents), so that texts typed in different ways become equal."""

import unicodedata

_ZERO_WIDTH = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
# What people and exports write into a field that has no value.
_EMPTY_FORMS = (
    "-|--|.|?|n/a|na|n.a.|nan|nil|none|null|unknown|unk|not known|not given|test|tbd|x|xx|xxx|"
    "없음|미상|모름|해당없음|미입력|무|"
)
_EMPTY_WORDS = frozenset(_EMPTY_FORMS.split("|"))


def fold(text: str | None) -> str | None:
    r"""Return the text in NFKC and lower case, with single spaces and without zero-width characters.

    Returns `None` for `None`, for empty text and for words that mean "no value" (`n/a`, `없음`, …).

    >>> fold("  Kim\u200b   MIN-su ")
    'kim min-su'
    >>> fold("N/A") is None
    True
    """
    if text is None:
        return None
    # NFKC does not change ASCII, and no ASCII character has zero width.
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text).translate(_ZERO_WIDTH)
    folded = " ".join(plain.split()).casefold()
    return None if folded in _EMPTY_WORDS else folded


def strip_accents(text: str) -> str:
    """Return the text without accents on Latin letters; Hangul is unchanged.

    >>> strip_accents("josé 김")
    'jose 김'
    """
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)))

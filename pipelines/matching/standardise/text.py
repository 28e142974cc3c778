"""Folding text so that typing habits do not count as differences."""

import unicodedata

_ZERO_WIDTH = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
# What people and exports write when they have nothing to write.
_EMPTY_FORMS = (
    "-|--|.|?|n/a|na|n.a.|nan|nil|none|null|unknown|unk|not known|not given|test|tbd|x|xx|xxx|"
    "없음|미상|모름|해당없음|미입력|무|"
)
_EMPTY_WORDS = frozenset(_EMPTY_FORMS.split("|"))


def fold(text: str | None) -> str | None:
    r"""Return the text in NFKC, lower case, single spaces, no zero-width characters; `None` if nothing is
    left.

    Words that stand for "no value" (`n/a`, `없음`, …) are nothing.

    >>> fold("  Kim\u200b   MIN-su ")
    'kim min-su'
    >>> fold("N/A") is None
    True
    """
    if text is None:
        return None
    # Of ASCII NFKC is the same, and none has zero width.
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text).translate(_ZERO_WIDTH)
    folded = " ".join(plain.split()).casefold()
    return None if folded in _EMPTY_WORDS else folded


def strip_accents(text: str) -> str:
    """Remove accents from Latin letters and leave Hangul whole.

    >>> strip_accents("josé 김")
    'jose 김'
    """
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)))

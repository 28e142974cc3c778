"""Reads the generation suffix of a name (Sr, Jr, II), by which fathers and sons of one name are told apart."""

import re

from pipelines.matching.standardise.text import fold

# Suffix -> number of the generation. A junior is also called the second.
_GENERATIONS = {"1": "sr snr senior", "2": "jr jnr junior ii filho", "3": "iii neto", "4": "iv"}
_GENERATION_OF = {word: number for number, words in _GENERATIONS.items() for word in words.split()}
_SUFFIX = re.compile(rf"\b(?:{'|'.join(_GENERATION_OF)})\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")


def parse_generation(text: str, *, words_before: int = 2) -> str | None:
    """Return the number of the generation that a name's suffix states; None without a suffix.

    The suffix is the last word of a name, or of the part of the name before a comma.

    Args:
        text: a whole name, or a part of it.
        words_before: least number of words before the suffix, because Junior is also a surname.

    >>> parse_generation("John Smith Sr."), parse_generation("Smith Jr, John"), parse_generation("John Smith II")
    ('1', '2', '2')
    >>> parse_generation("John Smith"), parse_generation("John Junior")
    (None, None)
    """
    if not _SUFFIX.search(text):
        return None
    for part in (fold(text) or "").split(","):
        words = _WORD.findall(part)
        if words and words[-1] in _GENERATION_OF and ("," in text or len(words) > words_before):
            return _GENERATION_OF[words[-1]]
    return None

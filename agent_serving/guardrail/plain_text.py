"""Brings a text into a plain form, in which a rule is not evaded by other characters that look or read alike.

Full-width forms become ASCII, invisible characters vanish, kinds of dashes become `-`, and digits of any script, also
runs of Korean number words (공일공 일이삼사), become 0 to 9. Every character knows its place in the original text.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

_DASHES = frozenset("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u30fc\uff0d\ufe63\u2500")
_WORD_DIGITS = dict(zip("공영일이삼사오육륙칠팔구", "001234566789", strict=True))
_LEAST_WORD_DIGITS = 8
"""Fewer number words in a row are usually other words: 이사, 일일."""
_LEAST_WORDS = 3
_WORDS = re.compile(rf"(?:[{''.join(_WORD_DIGITS)}0-9]\s?[-.~]?\s?){{{_LEAST_WORD_DIGITS},}}")


class PlainText(NamedTuple):
    """A plain text, and the place in the original of each of its characters (and of its end)."""

    text: str
    places: tuple[int, ...]


def plain_text(text: str) -> PlainText:
    """Return the plain form of a text.

    >>> plain_text("\u200b０１０—１２").text, plain_text("공일공 일이삼사 오육칠팔").text
    ('010-12', '010 1234 5678')
    """
    letters: list[str] = []
    places: list[int] = []
    for place, letter in enumerate(text):
        for one in _plain_letter(letter):
            letters.append(one)
            places.append(place)
    plain = "".join(letters)
    for run in _WORDS.finditer(plain):
        begin, end = run.span()
        # 이 before another letter is the verb to be: 5678이에요.
        if plain[begin:end].endswith("이") and plain[end : end + 1].isalpha():
            end -= 1
        if sum(letter in _WORD_DIGITS for letter in plain[begin:end]) >= _LEAST_WORDS:
            letters[begin:end] = [_WORD_DIGITS.get(letter, letter) for letter in plain[begin:end]]
    return PlainText("".join(letters), (*places, len(text)))


def _plain_letter(letter: str) -> str:
    if letter.isascii():
        return letter if letter.isprintable() or letter.isspace() else ""
    if letter in _DASHES:
        return "-"
    if unicodedata.category(letter) in ("Cf", "Cc", "Mn") and letter not in "\u0301":
        return ""
    form = unicodedata.normalize("NFKC", letter)
    return "".join(str(unicodedata.digit(one, one)) if one.isdigit() else one for one in form)

"""Draws Korean and English names in large numbers, and names that differ from a given one by a known distance."""

from __future__ import annotations

import random

import jellyfish

from pipelines.matching.standardise.hangul import jamo
from pipelines.simulate.text import load_table

LATIN_LETTERS = "abcdefghijklmnoprstuvwy"
_KOREAN_FIRST = "민서지현수영준우진연은정하윤도예성경미선재희승원유주혜태동"
_KOREAN_LAST = "민서지현수영준우진연은정하윤호아경미선재희승원빈주혜훈철광나"
_ENGLISH_START = "Ash Brad Clay Dun East Fair Glen Hart Ing Kings Lang Mer Nor Oak Pem Rad Stan Thorn Wal Whit"
_ENGLISH_END = "bury by combe den field ford ham hurst ley man ridge shaw ton wick worth"
_MORE_GIVEN = {
    "F": "Abigail Beatrice Chloe Daphne Eleanor Florence Georgia Harriet Imogen Josephine Kathryn Lydia Matilda Naomi "
    "Olive Penelope Rosalind Sylvia Theresa Ursula Violet Winifred Yvonne Zoe Adelaide Bridget Cordelia Doris Phoebe",
    "M": "Albert Bernard Cedric Duncan Edmund Felix Gilbert Howard Isaac Julian Kenneth Leonard Magnus Norman Oscar "
    "Percy Quentin Roland Sebastian Theodore Victor Wallace Xavier Alastair Barnaby Clifford Desmond Ernest Gregory",
}


class NameSource:
    """Draws names of one language, `ko` or `en`."""

    def __init__(self, language: str, draw: random.Random) -> None:
        self._is_korean, self._draw = language == "ko", draw
        table = load_table("korean_surname" if self._is_korean else "english_surname")
        invented = [] if self._is_korean else [a + b for a in _ENGLISH_START.split() for b in _ENGLISH_END.split()]
        self._surnames = [*table["hangul" if self._is_korean else "name"], *invented]
        weights = table["weight"].tolist()
        self._weights = [*weights, *[sum(weights) / max(len(invented), 1)] * len(invented)]
        known = load_table("english_given")
        self._given = {sex: [*known["name"][known["sex"] == sex], *more.split()] for sex, more in _MORE_GIVEN.items()}

    def surname(self) -> str:
        """Return a surname, frequent ones more often."""
        return str(self._draw.choices(self._surnames, self._weights)[0])

    def street(self) -> str:
        """Return the first part of the name of a street."""
        if self._is_korean:
            return self._draw.choice(_KOREAN_FIRST) + self._draw.choice("산천강포곡원평")
        return self._draw.choice(_ENGLISH_START.split()) + self._draw.choice(_ENGLISH_END.split())

    def given(self, sex: str) -> str:
        """Return a given name: two Korean syllables, or an English name of people of this sex."""
        if self._is_korean:
            return self._draw.choice(_KOREAN_FIRST) + self._draw.choice(_KOREAN_LAST)
        return self._draw.choice(self._given[sex])

    def other_given(self, name: str, sex: str, *, alike: bool = False) -> str:
        """Return another given name: it differs by more than a typing error, or with `alike` by one letter (jamo).

        Half of the Korean names share a syllable with `name`, as the names of siblings do.
        """
        while True:
            if alike and not self._is_korean:
                place = self._draw.randrange(len(name))
                other = (name[:place] + self._draw.choice(LATIN_LETTERS) + name[place + 1 :]).capitalize()
            elif self._is_korean and (alike or self._draw.random() < 0.5):
                other = name[0] + self._draw.choice(_KOREAN_LAST)
            else:
                other = self.given(sex)
            distance = letter_distance(name, other)
            if distance == 1 if alike else self.differ(name, other):
                return other

    def differ(self, name: str, other: str) -> bool:
        """Return whether two given names differ by more than a typing error, in more than a beginning (Rob, Robert)."""
        is_beginning = name.startswith(other) or other.startswith(name)
        return letter_distance(name, other) >= 2 and not is_beginning


def letter_distance(name: str, other: str) -> int:
    """Return the Damerau-Levenshtein distance of two names, of Hangul by jamo.

    >>> letter_distance("현우", "현아"), letter_distance("민준", "민서"), letter_distance("Mia", "Lia")
    (1, 3, 1)
    """
    return int(jellyfish.damerau_levenshtein_distance(jamo(name.lower()), jamo(other.lower())))

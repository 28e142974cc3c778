"""Draws Korean and English names in large numbers, and names that differ from a given one by a known distance."""

from __future__ import annotations

import random
import unicodedata

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
        return str(self._draw.choice(self._given[sex]))

    def other_given(self, name: str, sex: str, *, alike: bool = False) -> str:
        """Return another given name: it differs by more than a typing error, or with `alike` by one letter (jamo).

        Half of the Korean names share a syllable with `name`, as the names of siblings do.
        """
        while True:
            if alike:
                other = mistype(name, self._draw)
            elif self._is_korean and self._draw.random() < 0.5:
                other = name[0] + self._draw.choice(_KOREAN_LAST)
            else:
                other = self.given(sex)
            is_typo = letter_distance(name, other) == 1 and len(jamo(other)) > 2
            if is_typo if alike else self.differ(name, other):
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


def mistype(name: str, draw: random.Random) -> str:
    """Return a name with one typing error: a wrong, missing, repeated or swapped letter; in Hangul a wrong jamo.

    >>> mistype("Robert", random.Random(1))
    'Robrt'
    """
    if not name.isascii():
        letters = unicodedata.normalize("NFD", name)
        place = draw.randrange(len(letters))
        same_class = [c for c in _JAMO_CLASSES[_jamo_class(letters[place])] if c != letters[place]]
        return unicodedata.normalize("NFC", letters[:place] + draw.choice(same_class) + letters[place + 1 :])
    place = draw.randrange(1, len(name) - 1)
    letter = name[place]
    return name[:place] + draw.choice(
        (
            draw.choice(LATIN_LETTERS) + name[place + 1 :],
            name[place + 1 :],
            letter + name[place:],
            name[place + 1] + letter + name[place + 2 :],
        )
    )


# Jamo of the three places in a syllable that are often mistaken for each other.
_JAMO_CLASSES = ("ᄀᄂᄃᄅᄆᄇᄉᄋᄌᄎᄒ", "ᅡᅥᅩᅮᅳᅵᅢᅦᅧᅲ", "ᆫᆼᆷᆯᆨ")


def _jamo_class(letter: str) -> int:
    return 0 if letter < "ᅡ" else 1 if letter < "ᆨ" else 2

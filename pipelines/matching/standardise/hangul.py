"""Hangul: decomposition into jamo, romanisation, and a key that is equal for 김, Kim and Gim.

The arithmetic of syllable blocks is that of The Unicode Standard, section 3.12 (conjoining jamo behaviour).
"""

import re

_FIRST, _LAST = 0xAC00, 0xD7A3
_VOWELS_PER_INITIAL, _FINALS = 21, 28
_INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_FINAL_JAMO = ("", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")
# One ASCII sign per letter, for the 51 compatibility jamo from U+3131 on. Normalised Latin text has none of the signs.
JAMO_SIGNS = dict(zip(range(0x3131, 0x3164), [chr(n) for n in (*range(0x21, 0x30), *range(0x3A, 0x61))], strict=False))
# Revised Romanization of Korean (Ministry of Culture, notice 2000-8), without assimilation between syllables:
# names are romanised syllable by syllable.
_ROMAN_INITIAL_LETTERS = "g kk n d tt r m b pp s ss - j jj ch k t p h"
_ROMAN_VOWEL_LETTERS = "a ae ya yae eo e yeo ye o wa wae oe yo u wo we wi yu eu ui i"
_ROMAN_FINAL_LETTERS = "- k k k n n n t l k m l l l p l m p p t t ng t t k t p t"
_ROMAN_INITIALS, _ROMAN_VOWELS, _ROMAN_FINALS = (
    letters.replace("-", "").split(" ")
    for letters in (_ROMAN_INITIAL_LETTERS, _ROMAN_VOWEL_LETTERS, _ROMAN_FINAL_LETTERS)
)
_HANGUL_ONLY = re.compile(r"[가-힣]+")


def is_hangul(text: str) -> bool:
    """Return whether the text consists of Hangul syllables only; spaces are ignored."""
    return bool(_HANGUL_ONLY.fullmatch(text.replace(" ", "")))


def jamo(text: str) -> str:
    """Return the text with each syllable as its letters (jamo), so that an edit distance counts letters.

    >>> jamo("민준"), jamo("kim")
    ('ㅁㅣㄴㅈㅜㄴ', 'kim')
    """
    return "".join("".join(_letters(c)) for c in text)


def romanise(text: str) -> str:
    """Return the text with Hangul romanised (Revised Romanization) by syllable; other characters are unchanged.

    >>> romanise("김 민준")
    'gim minjun'
    """
    return "".join(_roman_syllable(c) for c in text)


def roman_parts(syllable: str) -> tuple[str, str, str]:
    """Return the romanised initial consonant, vowel and final consonant of a Hangul syllable; `''` if it has none.

    >>> roman_parts("김"), roman_parts("우")
    (('g', 'i', 'm'), ('', 'u', ''))
    """
    offset = ord(syllable) - _FIRST
    return (
        _ROMAN_INITIALS[offset // (_VOWELS_PER_INITIAL * _FINALS)],
        _ROMAN_VOWELS[offset // _FINALS % _VOWELS_PER_INITIAL],
        _ROMAN_FINALS[offset % _FINALS],
    )


def romanisation_key(text: str) -> str:
    """Return a key that is equal for a Korean name in Hangul and its common romanisations.

    Consonants that romanisations exchange (g/k, d/t, b/p, j/ch) become one letter, and so do vowels (eo/u/o/eu …).
    Letters that only lengthen a vowel (oo, ee, oh) are removed.

    >>> romanisation_key("민준") == romanisation_key("Min-Joon") == romanisation_key("minjun")
    True
    >>> romanisation_key("김") == romanisation_key("kim") == romanisation_key("Gim")
    True
    """
    latin = re.sub(r"[^a-z]", "", romanise(text.casefold()))
    for pattern, replacement in _KEY_STEPS:
        latin = pattern.sub(replacement, latin)
    return latin


def _letters(character: str) -> tuple[str, ...]:
    code = ord(character)
    if not _FIRST <= code <= _LAST:
        return (character,)
    offset = code - _FIRST
    return (
        _INITIALS[offset // (_VOWELS_PER_INITIAL * _FINALS)],
        _VOWELS[offset // _FINALS % _VOWELS_PER_INITIAL],
        _FINAL_JAMO[offset % _FINALS],
    )


def _roman_syllable(character: str) -> str:
    return "".join(roman_parts(character)) if _FIRST <= ord(character) <= _LAST else character


# In order: digraphs, consonant series, vowel classes, doubled letters.
_KEY_STEPS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"sh", "s"),
        (r"ch|jj|j", "c"),
        (r"ck|kk|gg|g|q", "k"),
        (r"tt|dd|d", "t"),
        (r"pp|bb|b|f", "p"),
        (r"ss", "s"),
        (r"(?<=[aeiouwy])r(?=[^aeiouwy]|$)", ""),
        (r"(?<=[aeiouwy])h(?=[^aeiouwy]|$)", ""),
        (r"l|r", "r"),
        (r"ee|ie|ui|wi|i", "i"),
        (r"ae|ay|ai|oe|oi|e(?![ou])|we|wae", "e"),
        (r"yeo|yu|yo|yoo|you|eo|eu|oo|ou|uh|wo|u|o", "o"),
        (r"w(?=o)|y(?=o)", ""),
        (r"ng", "n"),
        (r"(.)\1+", r"\1"),
    )
)

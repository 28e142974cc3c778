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
COMPOUND_SURNAMES = frozenset({"남궁", "황보", "제갈", "선우", "독고", "사공", "서문", "동방", "망절", "강전"})
# Usual spellings of surnames that differ from the rules, keyed by the spelling that the rules give.
_SURNAME_SPELLINGS = {
    "i": ("lee", "yi", "rhee", "ri", "li", "rhie", "e"),
    "bak": ("park", "pak", "bahk", "pack"),
    "im": ("lim", "rim", "yim", "leem"),
    "yu": ("ryu", "yoo", "you", "ryoo", "lyu", "yu"),
    "no": ("noh", "roh", "ro"),
    "na": ("ra", "rha"),
    "o": ("oh", "oe"),
    "u": ("woo", "wu", "u"),
    "yeo": ("yuh", "ryeo", "yo"),
    "baek": ("paik", "back", "baik"),
    "choe": ("choi", "choy", "che"),
    "seo": ("suh", "so", "su"),
    "heo": ("hur", "huh", "her"),
    "gu": ("koo", "goo", "ku"),
    "myeong": ("myung", "myoung"),
    "byeon": ("byun", "byon"),
}
_SURNAME_BY_SPELLING = {s: rule for rule, spellings in _SURNAME_SPELLINGS.items() for s in spellings}
_COMMON_SURNAMES = (
    "김이박최정강조윤장임한오서신권황안송류홍전고문양손배백허유남심노하곽성차주우구민진지엄채원천방공현함여석선설"
    "마길연위표명기반왕금옥육인맹제탁국라"
)


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


def surname_key(text: str) -> str:
    """Return the `romanisation_key` of a surname; irregular spellings (Lee, Park, Choi …) get the key of the Hangul.

    >>> surname_key("이") == surname_key("Lee") == surname_key("Rhee")
    True
    >>> surname_key("박") == surname_key("Park")
    True
    """
    latin = re.sub(r"[^a-z]", "", romanise(text.casefold()))
    return romanisation_key(_SURNAME_BY_SPELLING.get(latin, latin))


def split_name(name: str) -> tuple[str, str]:
    """Return surname and given name of a Hangul name. Surnames such as 남궁 have two syllables.

    >>> split_name("김민준"), split_name("남궁민수"), split_name("황보")
    (('김', '민준'), ('남궁', '민수'), ('황', '보'))
    """
    whole = name.replace(" ", "")
    size = 2 if whole[:2] in COMPOUND_SURNAMES and len(whole) > 2 else 1
    return whole[:size], whole[size:]


def is_romanised_surname(text: str) -> bool:
    """Return whether a Latin word is a romanised Korean surname."""
    return text in _ROMANISED_SURNAMES


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
    code = ord(character)
    if not _FIRST <= code <= _LAST:
        return character
    offset = code - _FIRST
    return (
        _ROMAN_INITIALS[offset // (_VOWELS_PER_INITIAL * _FINALS)]
        + _ROMAN_VOWELS[offset // _FINALS % _VOWELS_PER_INITIAL]
        + _ROMAN_FINALS[offset % _FINALS]
    )


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
_OTHER_ROMANISED = (
    "kim gim jung chung jeong kang cho jo yoon yun jang chang shin sin kwon ahn moon jeon jun ko sohn "
    "bae shim joo sung kwak um hyun"
)
_ROMANISED_SURNAMES = frozenset(
    {romanise(s) for s in _COMMON_SURNAMES} | set(_SURNAME_BY_SPELLING) | set(_OTHER_ROMANISED.split())
)

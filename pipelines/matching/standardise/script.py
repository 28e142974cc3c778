"""Scripts: names the script of a text, and writes texts of other scripts in Latin letters."""

import re
import unicodedata

from anyascii import anyascii

LATIN, HANGUL, HAN = "latin", "hangul", "han"
# Texts that are already in the form that `write_in_latin` returns.
_KEPT = re.compile("[\\x00-\\x7f가-힣一-鿿]*")
_OWN_NAMES = {"CJK": HAN, "HIRAGANA": "kana", "KATAKANA": "kana"}


def script_of(text: str) -> str:
    """Return the script of the first letter that is not Latin, such as `hangul`, `han` or `cyrillic`; else `latin`.

    >>> script_of("Kim Su Jin"), script_of("김수진"), script_of("金秀珍"), script_of("Юрий"), script_of("José")
    ('latin', 'hangul', 'han', 'cyrillic', 'latin')
    """
    if text.isascii():
        return LATIN
    if "가" <= text[0] <= "힣":
        return HANGUL
    for character in text:
        if not character.isascii() and character.isalpha():
            word = unicodedata.name(character, "LATIN").split(" ")[0].split("-")[0]
            if word != "LATIN":
                return _OWN_NAMES.get(word, word.lower())
    return LATIN


def write_in_latin(text: str) -> str:
    """Return the text in lower-case ASCII letters; Hangul and Han characters are unchanged.

    >>> write_in_latin("i̇lker"), write_in_latin("işıl"), write_in_latin("юрий"), write_in_latin("김 秀")
    ('ilker', 'isil', 'yuriy', '김 秀')
    """
    if _KEPT.fullmatch(text):
        return text
    return "".join(c if c.isascii() or _is_kept(c) else anyascii(c).lower() for c in text)


def _is_kept(character: str) -> bool:
    return script_of(character) in (HANGUL, HAN)

"""Finds the language of a message by its script."""

from __future__ import annotations

import re

from agent_serving.understanding.model import Language

_HANGUL = re.compile("[ᄀ-ᇿㄱ-㆏가-힯]")
_KANA = re.compile("[぀-ヿ]")
_HAN = re.compile("[㐀-鿿]")
_LETTER = re.compile(r"[^\W\d_]")


def language_of(text: str, before: Language | None = None) -> Language:
    """Return the language of a text; `before`, or Korean, if it has no letter (digits, emoji).

    Brands are written in Latin letters in every language, so any Hangul makes a text Korean, any kana Japanese.

    >>> language_of("NIKE 운동화"), language_of("ナイキの靴"), language_of("在几楼"), language_of("Where?")
    (<Language.KOREAN: 'ko'>, <Language.JAPANESE: 'ja'>, <Language.CHINESE: 'zh'>, <Language.ENGLISH: 'en'>)
    """
    if _HANGUL.search(text):
        return Language.KOREAN
    if _KANA.search(text):
        return Language.JAPANESE
    if _HAN.search(text):
        return Language.CHINESE
    return Language.ENGLISH if _LETTER.search(text) else before or Language.KOREAN

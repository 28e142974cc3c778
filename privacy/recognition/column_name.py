"""Turns file headers into snake_case column names: Korean words by a dictionary, other Hangul by romanisation."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib import resources

_HANGUL = re.compile(r"[가-힣]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
# Revised Romanization of Korean (2000), letter by letter. Sound changes between syllables are not applied.
_INITIALS = (
    "g",
    "kk",
    "n",
    "d",
    "tt",
    "r",
    "m",
    "b",
    "pp",
    "s",
    "ss",
    "",
    "j",
    "jj",
    "ch",
    "k",
    "t",
    "p",
    "h",
)
_VOWELS = (
    "a", "ae", "ya", "yae", "eo", "e", "yeo", "ye", "o", "wa", "wae",
    "oe", "yo", "u", "wo", "we", "wi", "yu", "eu", "ui", "i",
)  # fmt: skip
_FINALS = (
    "", "k", "kk", "ks", "n", "nj", "nh", "t", "l", "lk", "lm", "lp", "ls", "lt",
    "lp", "lh", "m", "p", "ps", "t", "t", "ng", "t", "t", "k", "t", "p", "t",
)  # fmt: skip
_SYLLABLES = 0xAC00


def name_column(header: str) -> str:
    """Return a snake_case name for a header, such as `order_no` for 주문번호 and `member_id` for memberId."""
    text = unicodedata.normalize("NFC", header)
    text = _HANGUL.sub(lambda match: f" {_translate(match[0])} ", text)
    text = _CAMEL.sub("_", text)
    text = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", text).strip("_")
    if not name:
        return "column"
    return name if name[0].isalpha() else f"c_{name}"


def name_columns(headers: Iterable[str]) -> dict[str, str]:
    """Return a column name for each header. A repeated name gets a number: `id`, `id_2`."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for header in headers:
        name, count = name_column(header), 1
        unique = name
        while unique in taken:
            count += 1
            unique = f"{name}_{count}"
        taken.add(unique)
        names[header] = unique
    return names


@cache
def known_hangul() -> frozenset[str]:
    """Return the Hangul syllables of the dictionary of headers, which are among the most frequent ones."""
    return frozenset(letter for word in _words() for letter in word if _HANGUL.fullmatch(letter))


def romanise(text: str) -> str:
    """Return the text with its Hangul written in Latin letters.

    >>> romanise("보자기")
    'bojagi'
    """
    return "".join(_romanise_syllable(letter) if _HANGUL.fullmatch(letter) else letter for letter in text)


def _romanise_syllable(letter: str) -> str:
    index = ord(letter) - _SYLLABLES
    return _INITIALS[index // 588] + _VOWELS[index % 588 // 28] + _FINALS[index % 28]


@cache
def _words() -> dict[str, str]:
    text = resources.files(__package__).joinpath("header_word.json").read_text("utf-8")
    words: dict[str, str] = json.loads(text)
    return words


def _translate(text: str) -> str:
    """Return the translation of a compound word, longest parts first; parts without a translation are romanised."""
    translated: list[str] = []
    unknown = ""
    position = 0
    while position < len(text):
        word = next(
            (text[position:end] for end in range(len(text), position, -1) if text[position:end] in _words()),
            None,
        )
        if word is None:
            unknown += text[position]
            position += 1
            continue
        translated += [romanise(unknown), _words()[word]] if unknown else [_words()[word]]
        unknown = ""
        position += len(word)
    if unknown:
        translated.append(romanise(unknown))
    return "_".join(translated)

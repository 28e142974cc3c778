"""Guesses the encoding of a text file from its bytes, and says when two encodings fit equally well.

A byte order mark and valid UTF-8 decide at once. Otherwise each candidate encoding decodes the bytes, and the distinct
words with a character outside ASCII are scored: the score of a word is the number of bits that its characters cost in
texts of that encoding's languages (see `COSTS`), so a difference of 10 bits is odds of 1 to 1,000.

Example: the Swedish name `Åsa` is three letters in Latin-1. In CP949 the same bytes are a rare syllable beside a Latin
letter, which Korean texts hardly ever have.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from privacy.recognition.column_name import known_hangul

# Below this difference in bits two encodings count as equally likely.
DECISIVE_BITS = 10.0
# An encoding whose characters cost more than this on average does not fit at all.
PLAUSIBLE_BITS = 15.0
MAX_WORDS = 3000
# Share of invalid bytes among the characters outside ASCII up to which a file still counts as UTF-8.
INVALID_SHARE = 0.05
_WORD = re.compile(r"[A-Za-z\u0080-\U0010ffff]*[\u0080-\U0010ffff][A-Za-z\u0080-\U0010ffff]*")
_INVALID = re.compile("[\ud800-\udfff]")

_LETTER, _FREQUENT, _RARE, _SYMBOL, _WRONG = 5.0, 7.0, 11.0, 15.0, 40.0
_RARE_HANGUL, _HANJA, _KANJI = 18.0, 16.0, 12.5
# Cost of a change between Latin letters and another script within a word, and of a Latin letter in the wrong place.
_MIXED, _MISPLACED = 6.0, 6.0
# Added once for an encoding that is less usual in this shop's country, so that a tie goes to the usual one.
_UNUSUAL = 10.0
_WESTERN = frozenset("àáâãäåæçèéêëìíîïñòóôõöøùúûüßÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜœŒ")
_CENTRAL = frozenset("áčďéěíňóřšťúůýžąćęłńśźżäöüőűßÁČĎÉĚÍŇÓŘŠŤÚŮÝŽĄĆĘŁŃŚŹŻÄÖÜŐŰăâîşţĂÂÎŞŢ")
_TURKISH = frozenset("çğıöşüâîûÇĞİÖŞÜ")
# Marks of prices, temperatures and quotations, and no-break spaces, which stand in texts of every language.
_COMMON_MARKS = frozenset("\u00a0°€£₩“”‘’–—…·ªº´㈜①②③④⑤㎡㎏㎝℃※★☆○●→ㆍ")


@dataclass(frozen=True)
class EncodingGuess:
    """The most likely encoding of a file, the evidence, and the encodings that fit as well (`rivals`)."""

    encoding: str
    evidence: str
    rivals: tuple[str, ...] = ()

    @property
    def is_certain(self) -> bool:
        """Whether one encoding fits better than all others."""
        return not self.rivals

    @property
    def stated(self) -> str:
        """The encoding for the contract; with rivals a text that `contracts check` refuses, such as `A or B`."""
        return " or ".join((self.encoding, *self.rivals))

    @property
    def codec(self) -> str:
        """Python's name of the most likely encoding."""
        return {"UTF-8-BOM": "utf-8-sig"}.get(self.encoding, self.encoding)


@dataclass(frozen=True)
class _Candidate:
    name: str
    cost: Callable[[str], float]


def guess_encoding(content: bytes, *, is_whole: bool = True) -> EncodingGuess:
    """Return the guessed encoding of a text. `is_whole` is false if the bytes are only the beginning of the file."""
    for mark, name in _MARKS:
        if content.startswith(mark):
            return EncodingGuess(name, "the file begins with a byte order mark")
    wide = _guess_wide(content)
    if wide is not None:
        return wide
    text = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode(content, final=is_whole)
    if text.isascii():
        return EncodingGuess("UTF-8", "the file has only ASCII characters; later files may not, so confirm it")
    invalid = len(_INVALID.findall(text))
    outside = sum(letter > "\x7f" for letter in text) - invalid
    if not invalid:
        return EncodingGuess("UTF-8", "all bytes are valid")
    if invalid <= INVALID_SHARE * outside:
        return EncodingGuess("UTF-8", f"all but {invalid} bytes are valid; their rows would be quarantined")
    return _guess_legacy(content, is_whole)


def _guess_wide(content: bytes) -> EncodingGuess | None:
    """Return UTF-16 without byte order mark, in which every other byte of ASCII characters is zero."""
    start = content[:4096]
    half = len(start) // 2
    if half < 2:
        return None
    for offset, name in ((1, "UTF-16LE"), (0, "UTF-16BE")):
        zeros = start[offset::2].count(0)
        if zeros > 0.4 * half and start[1 - offset :: 2].count(0) < 0.05 * half:
            return EncodingGuess(name, "every other byte is zero")
    return None


def _guess_legacy(content: bytes, is_whole: bool) -> EncodingGuess:
    # Lines of UTF-8 in another encoding come from another export; a load quarantines them.
    own = [line for line in content.splitlines(keepends=True) if line.isascii() or not _is_utf8(line)]
    content = b"".join(own) if any(not line.isascii() for line in own) else content
    scores: list[tuple[float, float, str, list[str]]] = []
    for candidate in _CANDIDATES:
        decoder = codecs.getincrementaldecoder(candidate.name)("surrogateescape")
        words = list(_distinct_words(decoder.decode(content, final=is_whole)))
        bits = sum(_word_cost(word, candidate) for word in words)
        total = bits + (0 if candidate.name in _USUAL else _UNUSUAL)
        scores.append((total, bits / max(1, sum(map(len, words))), candidate.name, words))
    scores.sort(key=lambda score: score[0])
    best, average, name, words = scores[0]
    close = [(other, read) for bits, _, other, read in scores[1:] if bits - best < DECISIVE_BITS and read != words]
    if average > PLAUSIBLE_BITS:
        return EncodingGuess(name, "no known encoding gives readable words", (scores[1][2],))
    if name == "CP1252" and not re.search(rb"[\x80-\x9f]", content):
        name = "ISO-8859-1"
    if close:
        return EncodingGuess(
            name, f"{len(words)} words are readable in each of them", tuple(other for other, _ in close)
        )
    return EncodingGuess(
        name, f"{len(words)} words outside ASCII are readable in it, and less so in any other encoding"
    )


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeError:
        return False
    return True


def _distinct_words(text: str) -> Iterator[str]:
    seen: set[str] = set()
    for match in _WORD.finditer(text):
        word = match[0][:40]
        if word not in seen:
            seen.add(word)
            yield word
            if len(seen) >= MAX_WORDS:
                return


def _word_cost(word: str, candidate: _Candidate) -> float:
    """Return the bits of a word: those of its characters, and of unusual neighbours.

    Latin words: a capital after a small letter, and two letters outside ASCII in a row. Other scripts: a change from
    or to Latin letters.
    """
    total = 0.0
    previous = ""
    for letter in word:
        total += _LETTER if letter.isascii() else candidate.cost(letter)
        if previous:
            total += _MISPLACED * (previous.islower() and letter.isupper())
            if _is_latin(letter) and _is_latin(previous):
                total += _MISPLACED * (not previous.isascii() and not letter.isascii())
            elif _is_latin(letter) != _is_latin(previous) and letter.isalpha() and previous.isalpha():
                # Korean and Japanese put particles and units behind Latin words; alphabets are not mixed in a word.
                total += (
                    2 * _MIXED if letter.lower() != letter.upper() and previous.lower() != previous.upper() else _MIXED
                )
        previous = letter
    return total


def _is_latin(letter: str) -> bool:
    return letter.isascii() or (letter.isalpha() and letter < "\u0250")


def _latin_cost(frequent: frozenset[str]) -> Callable[[str], float]:
    def cost(letter: str) -> float:
        if letter in frequent:
            return _FREQUENT
        if letter in _COMMON_MARKS:
            return _RARE
        if "\ud800" <= letter <= "\udfff" or unicodedata.category(letter) in ("Cc", "Cn", "Co"):
            return _WRONG
        return _RARE if letter.isalpha() else _SYMBOL

    return cost


def _korean_cost(letter: str) -> float:
    if "가" <= letter <= "힣":
        if letter in known_hangul():
            return _FREQUENT
        return _RARE if _is_standard_hangul(letter) else _RARE_HANGUL
    if "\u4e00" <= letter <= "\u9fff" or "\uf900" <= letter <= "\ufaff":
        return _HANJA
    return _other_cost(letter)


def _is_standard_hangul(letter: str) -> bool:
    """Return whether a syllable is among the 2,350 of KS X 1001; CP949 encodes the others with a lower second byte."""
    return letter.encode("cp949")[1] >= 0xA1


def _japanese_cost(letter: str) -> float:
    if "\u3040" <= letter <= "\u30ff":
        return _FREQUENT
    if "\u4e00" <= letter <= "\u9fff":
        return _KANJI
    return _SYMBOL if "\uff61" <= letter <= "\uff9f" else _other_cost(letter)


def _chinese_cost(letter: str) -> float:
    if "\u4e00" <= letter <= "\u9fff":
        # The first of the two levels of GB 2312, about 3,800 characters in common use.
        code = letter.encode("gb18030")
        return _RARE if len(code) == 2 and 0xB0 <= code[0] <= 0xD7 and code[1] >= 0xA1 else _RARE_HANGUL
    return _other_cost(letter)


def _cyrillic_cost(letter: str) -> float:
    return _FREQUENT if "\u0410" <= letter <= "\u044f" or letter in "ёЁ" else _other_cost(letter)


def _other_cost(letter: str) -> float:
    """Return the bits of a character outside the encoding's main script, such as a full-width sign."""
    if "\ud800" <= letter <= "\udfff" or unicodedata.category(letter) in ("Cc", "Cn", "Co"):
        return _WRONG
    is_usual = letter in _COMMON_MARKS or "\uff01" <= letter <= "\uff5e"
    return _RARE if is_usual else _SYMBOL


_MARKS = (
    (codecs.BOM_UTF8, "UTF-8-BOM"),
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_USUAL = ("CP949", "CP1252")
_CANDIDATES = (
    _Candidate("CP949", _korean_cost),
    _Candidate("CP1252", _latin_cost(_WESTERN)),
    _Candidate("CP932", _japanese_cost),
    _Candidate("EUC-JP", _japanese_cost),
    _Candidate("GB18030", _chinese_cost),
    _Candidate("CP1251", _cyrillic_cost),
    _Candidate("CP1250", _latin_cost(_CENTRAL)),
    _Candidate("ISO-8859-2", _latin_cost(_CENTRAL)),
    _Candidate("CP1254", _latin_cost(_TURKISH)),
)

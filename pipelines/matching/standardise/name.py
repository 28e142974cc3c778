"""Parses person names of any script into given name and surname, and makes keys to compare them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import jellyfish

from pipelines.matching.standardise import hangul
from pipelines.matching.standardise.korean_name import hangul_of_given, hangul_of_surname, is_surname, read_name
from pipelines.matching.standardise.script import HAN, LATIN, script_of, write_in_latin
from pipelines.matching.standardise.text import fold, strip_accents

# Titles, polite forms and suffixes are not part of the name. `sir` … `earl` occur in old registers, 님 and 씨 in
# Korean exports.
_TITLE_WORDS = (
    "mr mrs ms miss mx dr prof professor rev reverend sir dame lord lady baron baroness baronet earl count "
    "countess viscount duke hon captain capt major col colonel general lt jr sr junior senior ii iii iv esq "
    "esquire phd md obe mbe cbe kbe 1st 2nd 3rd 4th 5th 6th 7th 8th 9th of de la von van der den the "
    "님 씨 고객 고객님 회원 귀하"
)
_TITLES = frozenset(_TITLE_WORDS.split())
_KOREAN_COURTESY = re.compile(r"(?<=[가-힣]{2})\s*(?:고객님|님|씨|귀하)$")
_NOTE = re.compile(r"\([^)]*\)|\[[^\]]*\]")
# A shop that has several people of one name may number them: `김하나2`.
_NUMBERED = re.compile(r"([가-힣]{3,})([0-9a-z]{1,2})")
_TOKEN = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
# Longer Metaphone codes distinguish spellings rather than sounds.
_PHONETIC_LENGTH = 5


@dataclass(frozen=True, slots=True)
class Name:
    """A person's name in comparable form.

    Attributes:
        given: first given name, normalised by `fold`; None if unknown. Hangul and Han characters stay, other scripts
            are written in Latin letters. A Korean given name is one word.
        surname: family name, in the same form; None if unknown.
        tokens: all words of the name (given, middle, family), without titles.
        script: script in which the name was written.
        others: further readings of an ambiguous name, as pairs of given name and surname.

    """

    given: str | None
    surname: str | None
    tokens: tuple[str, ...]
    script: str = LATIN
    others: tuple[tuple[str | None, str | None], ...] = ()


def parse_full_name(text: str | None) -> Name:
    """Return given name and surname of a whole name; all parts are unknown for `None`.

    Words that can be a Korean name, in Hangul or Latin letters, are read as one (see `korean_name`). In other names
    the surname comes first in Han names, before a comma (`Smith, John`), and if the first word is a Korean surname and
    the last word is not. Otherwise the given name comes first.

    >>> parse_full_name("Dr. John Starkie Gardner").tokens
    ('john', 'starkie', 'gardner')
    >>> [(n.given, n.surname) for n in map(parse_full_name, ("김민준 님", "Min Jun Kim", "Park, Chan Ho"))]
    [('민준', '김'), ('minjun', 'kim'), ('chanho', 'park')]
    >>> parse_full_name("Jin Su Min").others, parse_full_name("İlker Şahin").given
    ((('jinsu', 'min'),), 'ilker')
    """
    folded = fold(text)
    if folded is None:
        return Name(None, None, ())
    whole = _NOTE.sub(" ", folded).strip() if "(" in folded or "[" in folded else folded
    if whole.isascii():
        return _parse_written(whole, LATIN)
    return _parse_written(write_in_latin(_KOREAN_COURTESY.sub("", whole).strip()), script_of(folded))


def _parse_written(whole: str, script: str) -> Name:
    if numbered := _NUMBERED.fullmatch(whole):
        named = _parse_written(numbered[1], script)
        if named.given and named.surname:
            given = named.given + numbered[2]
            return Name(given, named.surname, (given, named.surname), script)
    family_first = "," in whole
    written = tuple(_TOKEN.findall(whole))
    words = _without_titles(written)
    # `La` is a particle, but also a Korean surname.
    readings = read_name(written, is_family_first=family_first)
    if not readings and len(words) < len(written):
        readings = read_name(words, is_family_first=family_first)
    if readings:
        best = readings[0]
        others: list[tuple[str | None, str | None]] = [(r.given, r.surname) for r in readings[1:]]
        if len(words) == 1 and len(words[0]) == 2:
            # Without a surname.
            others.append((words[0], None))
        parts = words if best.given.isascii() else (part for other in others for part in other if part)
        return Name(best.given, best.surname, _distinct(best.given, best.surname, *parts), script, tuple(others))
    if len(words) == 1 and script_of(words[0]) == HAN and len(words[0]) > 1:
        # Japanese names of four characters mostly have surnames of two.
        size = 2 if len(words[0]) > 3 else 1
        words = (words[0][:size], words[0][size:])
    if len(words) < 2:
        return Name(words[0] if words else None, None, words, script)
    if family_first or script_of(words[0]) == HAN or (is_surname(words[0]) and not is_surname(words[-1])):
        joined = not family_first and len(words) == 3 and all(len(w) > 1 for w in words)
        given = "".join(words[1:]) if joined else words[1]
        return Name(given, words[0], (given, *words[2:], words[0]), script, _korean_part(words, words[0]))
    return Name(words[0], words[-1], words, script, _korean_part(words, words[-1]))


def _korean_part(words: tuple[str, ...], surname: str) -> tuple[tuple[str, str], ...]:
    """Return the Korean name within a longer name, as in `Jennifer Sujin Kim`."""
    if len(words) < 3:
        return ()
    readings = [r for part in (words[1:], words[:-1]) for r in read_name(part)]
    return tuple((r.given, r.surname) for r in readings if r.surname == surname)


def _distinct(*words: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))


def parse_parts(given: str | None, surname: str | None, full: str | None = None) -> Name:
    """Parse a name from separate fields: given name, surname and optionally the full name. Null fields are ignored.

    The words of the full name are added to the tokens. A single Latin word in the given-name field is taken as the
    given name, even if it could be a surname; the comparison tests it as both. A single Hangul word of three or more
    syllables is parsed as a whole name. The words of a Korean given name are joined.

    >>> parse_parts("Mary Ann", "O'Brien").tokens, parse_parts("Su Jin", "Kim").given
    (('mary', 'ann', "o'brien"), 'sujin')
    """
    given_text, surname_text = fold(given) or "", fold(surname) or ""
    given_words, surname_words = (_words(write_in_latin(t)) for t in (given_text, surname_text))
    whole = parse_full_name(full)
    if not given_words and not surname_words:
        return whole
    if len(surname_words) == 0 and len(given_words) == 1 and hangul.is_hangul(given_words[0]):
        return parse_full_name(given_words[0]) if len(given_words[0]) > 2 else Name(given_words[0], None, given_words)
    if _is_korean(given_words, surname_words):
        given_words = _distinct("".join(given_words).replace("-", ""), *given_words)
    tokens = _distinct(*given_words, *surname_words, *whole.tokens)
    written = given_text + surname_text
    return Name(
        given_words[0] if given_words else None,
        "".join(surname_words) if surname_words else None,
        tokens,
        LATIN if written.isascii() else script_of(written),
    )


def comparable(text: str) -> str:
    """Return the form of a text from which edit distances are computed: letters only, without accents.

    Each jamo of Hangul becomes one ASCII sign. DuckDB counts distances in bytes and Spark in characters; with one byte
    per letter both count letters.

    >>> comparable("o'brien"), comparable("José"), len(comparable("민"))
    ('obrien', 'jose', 3)
    """
    letters = re.sub(r"[^\w]|_", "", strip_accents(text.casefold()))
    return letters if letters.isascii() else hangul.jamo(letters).translate(hangul.JAMO_SIGNS)


def phonetic_key(text: str, *, family: bool = False) -> str:
    """Return a key that is equal for names that sound alike.

    It is the romanisation key for Hangul names, the text for Han names and Metaphone (Philips, 1990) for others. To get
    the same key for names of two scripts, use `name_form.crosswise_key`.

    >>> phonetic_key("gardner") == phonetic_key("gardiner") == phonetic_key("gardener")
    True
    """
    if hangul.is_hangul(text):
        known = hangul_of_surname(text) if family else ()
        return hangul.romanisation_key(known[0] if known else text)
    plain = re.sub(r"[^a-z]", "", strip_accents(text.casefold()))
    return (jellyfish.metaphone(plain) or plain)[:_PHONETIC_LENGTH].lower() or text


def _words(folded: str) -> tuple[str, ...]:
    return _without_titles(tuple(_TOKEN.findall(folded)))


def _without_titles(words: tuple[str, ...]) -> tuple[str, ...]:
    if _TITLES.isdisjoint(words):
        return words
    return tuple(w for w in words if w not in _TITLES) or words


def _is_korean(given: Sequence[str], surname: Sequence[str]) -> bool:
    """Return whether the words of the two fields are a Korean given name and surname."""
    return len(given) > 0 and bool(hangul_of_surname("".join(surname)) and hangul_of_given(*given))

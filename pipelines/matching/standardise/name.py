"""Parses person names in Hangul or Latin script into given name and surname, and makes keys to compare them."""

import csv
import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import jellyfish

from pipelines.matching.standardise import hangul
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
_TOKEN = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
# Longer Metaphone codes distinguish spellings rather than sounds.
_PHONETIC_LENGTH = 5


@dataclass(frozen=True, slots=True)
class Name:
    """A person's name in comparable form.

    Attributes:
        given: first given name, normalised by `fold`; Hangul stays Hangul; None if unknown.
        surname: family name, normalised by `fold`; None if unknown.
        tokens: all words of the name (given, middle, family), without titles.

    """

    given: str | None
    surname: str | None
    tokens: tuple[str, ...]


def parse_full_name(text: str | None) -> Name:
    """Return given name and surname of a whole name; all parts are unknown for `None`.

    The surname comes first in Hangul names and before a comma (`Smith, John`). It also comes first if the first word is
    a romanised Korean surname and the last word is not. Otherwise the given name comes first.

    >>> parse_full_name("Dr. John Starkie Gardner")
    Name(given='john', surname='gardner', tokens=('john', 'starkie', 'gardner'))
    >>> parse_full_name("김민준 님")
    Name(given='민준', surname='김', tokens=('민준', '김'))
    >>> parse_full_name("Kim Min-jun").surname, parse_full_name("Minjun Kim").surname
    ('kim', 'kim')
    """
    folded = fold(text)
    if folded is None:
        return Name(None, None, ())
    whole = _KOREAN_COURTESY.sub("", _NOTE.sub(" ", folded).strip()).strip()
    if hangul.is_hangul(whole) and 2 <= len(whole.replace(" ", "")) <= 6:
        surname, given = hangul.split_name(whole)
        return Name(given or None, surname, tuple(t for t in (given, surname) if t))
    family_first = "," in whole
    tokens = _words(whole)
    if not tokens:
        return Name(None, None, ())
    if len(tokens) == 1:
        return Name(tokens[0], None, tokens)
    if family_first or (_is_korean_family(tokens[0]) and not _is_korean_family(tokens[-1])):
        given = "".join(tokens[1:]) if not family_first and len(tokens) == 3 else tokens[1]
        return Name(given, tokens[0], (given, *tokens[2:], tokens[0]))
    return Name(tokens[0], tokens[-1], tokens)


def parse_parts(given: str | None, surname: str | None, full: str | None = None) -> Name:
    """Parse a name from separate fields: given name, surname and optionally the full name. Null fields are ignored.

    The words of the full name are added to the tokens. A single Latin word in the given-name field is taken as the
    given name, even if it could be a surname; the comparison tests it as both. A single Hangul word of three or more
    syllables is parsed as a whole name.

    >>> parse_parts("Mary Ann", "O'Brien")
    Name(given='mary', surname="o'brien", tokens=('mary', 'ann', "o'brien"))
    """
    given_words, surname_words = _words(fold(given) or ""), _words(fold(surname) or "")
    whole = parse_full_name(full)
    if not given_words and not surname_words:
        return whole
    if len(surname_words) == 0 and len(given_words) == 1 and hangul.is_hangul(given_words[0]):
        return parse_full_name(given_words[0]) if len(given_words[0]) > 2 else Name(given_words[0], None, given_words)
    tokens = tuple(dict.fromkeys((*given_words, *surname_words, *whole.tokens)))
    return Name(
        given_words[0] if given_words else None,
        "".join(surname_words) if surname_words else None,
        tokens,
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

    It is the romanisation key for Hangul names and Metaphone (Philips, 1990) for others. To get the same key for a
    Hangul name and its romanisations, use `crosswise_key`.

    >>> phonetic_key("gardner") == phonetic_key("gardiner") == phonetic_key("gardener")
    True
    """
    if hangul.is_hangul(text):
        return crosswise_key(text, family=family)
    plain = re.sub(r"[^a-z]", "", strip_accents(text.casefold()))
    return (jellyfish.metaphone(plain) or plain)[:_PHONETIC_LENGTH].lower()


def crosswise_key(text: str, *, family: bool = False) -> str:
    """Return a key that is equal for a Hangul name and its romanisations."""
    return hangul.surname_key(text) if family else hangul.romanisation_key(text)


def variants(given: str) -> tuple[int, ...]:
    """Return the numbers of the groups of short and foreign forms that contain the given name.

    Two names are forms of one name if they have a group in common, as Bill and William have.

    >>> bool(set(variants("bill")) & set(variants("william")))
    True
    >>> variants("zzz")
    ()
    """
    return _variant_groups().get(given, ())


def _words(folded: str) -> tuple[str, ...]:
    words = tuple(strip_accents(t) for t in _TOKEN.findall(folded))
    kept = tuple(w for w in words if w not in _TITLES)
    return kept or words


def _is_korean_family(token: str) -> bool:
    return hangul.is_romanised_surname(token)


@cache
def _variant_groups() -> dict[str, tuple[int, ...]]:
    groups: dict[str, set[int]] = defaultdict(set)
    text = (files("pipelines.matching.standardise") / "name_variant.csv").read_text(encoding="utf-8")
    for number, names in enumerate(csv.reader(text.splitlines())):
        for name in names:
            groups[name].add(number)
    return {name: tuple(sorted(numbers)) for name, numbers in groups.items()}

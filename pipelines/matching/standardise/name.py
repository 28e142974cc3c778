"""Person names of either script: order, titles, given name and surname, phonetic keys, short and foreign
forms.
"""

import csv
import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import jellyfish

from pipelines.matching.standardise import hangul
from pipelines.matching.standardise.text import fold, strip_accents

# Ranks, courtesies and suffixes are not the name. `sir` … `earl` occur in old registers, 님 and 씨 in Korean
# exports.
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
# Metaphone codes beyond this length separate spellings rather than sounds.
_PHONETIC_LENGTH = 5


@dataclass(frozen=True, slots=True)
class Name:
    """A person's name, comparable.

    Attributes:
        given: first given name, folded; Hangul stays Hangul.
        surname: family name, folded.
        tokens: every name word (given, middle, family), without titles.

    """

    given: str | None
    surname: str | None
    tokens: tuple[str, ...]


def parse_full_name(text: str | None) -> Name:
    """Split one field that holds a whole name. Order: Hangul and Korean romanisations family first when that
    is what the surname says, `Smith, John` by the comma, otherwise given name first.

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
    """Combine separate given name and surname fields, and a full-name field that may carry further words.

    A surname in the given-name field alone (nothing else known) stays where it is: the comparison looks at
    both.

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
    """Letters only, accents removed, each jamo of Hangul as one ASCII sign: what edit distances are taken on.

    Distances are counted in bytes by DuckDB and in characters by Spark; so both count letters.

    >>> comparable("o'brien"), comparable("José"), len(comparable("민"))
    ('obrien', 'jose', 3)
    """
    letters = re.sub(r"[^\w]|_", "", strip_accents(text.casefold()))
    return letters if letters.isascii() else hangul.jamo(letters).translate(hangul.JAMO_SIGNS)


def phonetic_key(text: str, *, family: bool = False) -> str:
    """Key of names that sound alike: the romanisation key for Korean names, Metaphone (Philips, 1990) for
    others.

    A Hangul name and any of its romanisations get the same key only through `crosswise_key`.

    >>> phonetic_key("gardner") == phonetic_key("gardiner") == phonetic_key("gardener")
    True
    """
    if hangul.is_hangul(text):
        return crosswise_key(text, family=family)
    plain = re.sub(r"[^a-z]", "", strip_accents(text.casefold()))
    return (jellyfish.metaphone(plain) or plain)[:_PHONETIC_LENGTH].lower()


def crosswise_key(text: str, *, family: bool = False) -> str:
    """Key under which a Hangul name and its romanisations meet."""
    return hangul.surname_key(text) if family else hangul.romanisation_key(text)


def variants(given: str) -> tuple[int, ...]:
    """Groups of short and foreign forms that the given name belongs to (Bill and William share one).

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

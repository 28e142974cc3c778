"""Forms of a name: numbers of the names that it may stand for, so that names in two scripts can be compared.

Two names are forms of one name if they have a number in common: short and foreign forms (Bill, William), a Hangul name
and its romanisations (수진, Su Jin), a Han name and its Korean reading (秀珍, 수진), and a foreign name and its
transcription in Hangul (Michael, 마이클).

Sources. `hanja.csv`: usual Han characters of Korean names. Their readings equal those of the package `hanja` 0.15.1,
except in surnames (金 as 김, 沈 as 심, 柳 as 류) and in 란, 림 and 린, which the package gives with the initial sound.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from enum import IntEnum
from functools import cache, lru_cache
from importlib.resources import files
from itertools import product
from zlib import crc32

from anyascii import anyascii

from pipelines.matching.standardise import hangul
from pipelines.matching.standardise.korean_name import hangul_of_given, hangul_of_surname, is_common_given, is_surname
from pipelines.matching.standardise.name import Name
from pipelines.matching.standardise.script import HAN, HANGUL, LATIN, script_of


class NameScript(IntEnum):
    """Codes of the scripts in the prepared columns `given_script` and `surname_script`; other scripts have codes above.

    Attributes:
        KOREAN: a Korean name in Hangul.
        ROMANISED: a Korean name in Latin letters.
        TRANSCRIBED: a foreign name in Hangul.
        LATIN: another name in Latin letters, or no name.

    """

    KOREAN = 1
    ROMANISED = 2
    TRANSCRIBED = 4
    LATIN = 8


KOREAN, ROMANISED, TRANSCRIBED = NameScript.KOREAN, NameScript.ROMANISED, NameScript.TRANSCRIBED
# Pairs of scripts in which all names can be compared. In other pairs equal forms are evidence, and different ones are
# not.
COMPARABLE = ((KOREAN, ROMANISED), (KOREAN, TRANSCRIBED), (ROMANISED, NameScript.LATIN))
# Codes of other scripts are multiples of this, so that no union of bits is one of the pairs above.
_OTHER_SCRIPT = 16
# Numbers below this are groups of `name_variant.csv`.
_FIRST_HASH = 1_000
_MOST_HASHES = 2**31 - _FIRST_HASH
_MOST_READINGS = 12
_CACHED = 100_000


def variants(given: str) -> tuple[int, ...]:
    """Return the numbers of the groups of short and foreign forms that contain the given name.

    >>> bool(set(variants("bill")) & set(variants("william")))
    True
    >>> variants("zzz")
    ()
    """
    return _variant_groups().get(given, ())


def given_forms(name: Name, *, is_mixed: bool) -> tuple[int, ...]:
    """Return the numbers of the names that the given name may stand for, in all readings of the name.

    Args:
        name: the parsed name.
        is_mixed: whether the file has names in several scripts. If not, only Latin names that are Korean have other
            numbers than those of `variants`.

    >>> from pipelines.matching.standardise.name import parse_full_name
    >>> one, other = (set(given_forms(parse_full_name(n), is_mixed=True)) for n in ("金秀珍", "Kim Su Jin"))
    >>> bool(one & other)
    True
    """
    numbers: set[int] = set()
    for given, surname in _readings(name):
        if given:
            numbers.update(_given_numbers(given, is_surname(surname) if surname else None, is_mixed))
    return tuple(sorted(numbers))


def surname_forms(name: Name, *, is_mixed: bool) -> tuple[int, ...]:
    """Return the numbers of the surnames that the surname may stand for, in all readings of the name."""
    numbers: set[int] = set()
    for _, surname in _readings(name):
        if surname:
            numbers.update(_surname_numbers(surname, is_mixed))
    return tuple(sorted(numbers))


def given_script(name: Name) -> int:
    """Return the code of the given name's script.

    >>> from pipelines.matching.standardise.name import parse_full_name
    >>> [int(given_script(parse_full_name(n))) for n in ("김수진", "Kim Su Jin", "존 스미스", "John Smith")]
    [1, 2, 4, 8]
    """
    if name.given is None:
        return NameScript.LATIN
    return _given_code(name.given, is_surname(name.surname) if name.surname else None, name.script)


def surname_script(name: Name) -> int:
    """Return the code of the surname's script."""
    return NameScript.LATIN if name.surname is None else _surname_code(name.surname, name.script)


def crosswise_key(text: str, script: int) -> str | None:
    """Return a key of a given name or surname that is equal in several scripts; None if the name is too short for one.

    It is the `romanisation_key` of a Korean name, and `~` with the consonants of another name. `script` is the code of
    the name's script.

    >>> crosswise_key("수진", KOREAN) == crosswise_key("sujin", ROMANISED)
    True
    >>> crosswise_key("michael", NameScript.LATIN), crosswise_key("마이클", TRANSCRIBED), crosswise_key("ann", 8)
    ('~mkl', '~mkl', None)
    """
    if script in (KOREAN, ROMANISED):
        surname = hangul_of_surname(text)
        return hangul.romanisation_key(surname[0] if surname else text)
    consonants = _consonants(anyascii(text).lower() if script_of(text) == HAN else hangul.romanise(text))
    return f"~{consonants}" if len(consonants) > 1 else None


def hangul_form(text: str, script: int, *, is_family: bool) -> str:
    """Return the most probable Hangul of a romanised Korean name, and any other name unchanged.

    >>> hangul_form("sujin", ROMANISED, is_family=False), hangul_form("rhee", ROMANISED, is_family=True)
    ('수진', '이')
    """
    found = (hangul_of_surname if is_family else hangul_of_given)(text) if script == ROMANISED else ()
    return found[0] if found else text


def _readings(name: Name) -> tuple[tuple[str | None, str | None], ...]:
    return (name.given, name.surname), *name.others


@lru_cache(maxsize=_CACHED)
def _given_numbers(given: str, has_korean_family: bool | None, is_mixed: bool) -> tuple[int, ...]:
    is_korean = (is_mixed and not variants(given)) if has_korean_family is None else has_korean_family
    korean = hangul_of_given(given) if is_korean and len(given) > 1 else ()
    return (*variants(given), *map(number_of, _names_of(given, korean, is_mixed=is_mixed)))


@lru_cache(maxsize=_CACHED)
def _surname_numbers(surname: str, is_mixed: bool) -> tuple[int, ...]:
    return tuple(map(number_of, _names_of(surname, hangul_of_surname(surname), is_mixed=is_mixed)))


@lru_cache(maxsize=_CACHED)
def _given_code(given: str, has_korean_family: bool | None, script: str) -> int:
    own = script_of(given)
    if own == HANGUL:
        return KOREAN if is_common_given(given) and has_korean_family is not False else TRANSCRIBED
    if own == HAN or script not in (LATIN, HANGUL, HAN):
        return _other_code(own if own == HAN else script)
    is_korean = not variants(given) if has_korean_family is None else has_korean_family
    # One syllable may be half of a name: forms and tickets split `Su Jin` into a first and a middle name.
    return ROMANISED if is_korean and any(len(read) > 1 for read in hangul_of_given(given)) else NameScript.LATIN


@lru_cache(maxsize=_CACHED)
def _surname_code(surname: str, script: str) -> int:
    own = script_of(surname)
    if own == HANGUL:
        return KOREAN if is_surname(surname) else TRANSCRIBED
    if own == HAN or script not in (LATIN, HANGUL, HAN):
        return _other_code(own if own == HAN else script)
    return ROMANISED if is_surname(surname) else NameScript.LATIN


def _other_code(script: str) -> int:
    return _OTHER_SCRIPT * (1 + crc32(script.encode()) % 1_000)


def _names_of(text: str, korean: Iterable[str], *, is_mixed: bool) -> Iterator[str]:
    """Yield the texts of which two equal ones mean one name: Hangul names, and Latin spellings.

    `korean` are the Hangul names that the text may stand for.
    """
    script = script_of(text)
    if script == HAN:
        # The Latin spelling of a Han name is its Chinese reading.
        yield anyascii(text).lower()
        yield from _korean_readings(text)
        return
    if is_mixed:
        yield text
    elif script == HANGUL:
        return
    yield from korean


def number_of(text: str) -> int:
    """Return the number of a name, as the lists of forms contain it."""
    return _FIRST_HASH + crc32(text.encode()) % _MOST_HASHES


def _consonants(latin: str) -> str:
    """Return the consonants of a Latin text as Hangul distinguishes them in foreign words.

    >>> _consonants("michael"), _consonants(hangul.romanise("마이클"))
    ('mkl', 'mkl')
    """
    for pattern, replacement in _CONSONANT_STEPS:
        latin = pattern.sub(replacement, latin)
    return latin


# In order: spellings of one sound, r that is not spoken, doubled letters, classes of consonants, vowels.
_CONSONANT_STEPS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"[^a-z]", ""),
        (r"ph", "p"),
        (r"tth|^th(?=om)", "t"),
        (r"th|sh|c(?=[eiy])", "s"),
        (r"ch|ck", "k"),
        (r"g(?=[eiy])", "j"),
        (r"(?<=[aeiouy])r(?=[^aeiouy]|$)", ""),
        (r"lr|rl", "l"),
        (r"ng", "n"),
        (r"(.)\1+", r"\1"),
        (r"[bfpv]", "p"),
        (r"[cgkq]", "k"),
        (r"x", "ks"),
        (r"[dt]", "t"),
        (r"[jz]", "j"),
        (r"[lr]", "l"),
        (r"[aeiouhwy]", ""),
    )
)


def _korean_readings(han: str) -> Iterator[str]:
    """Yield the Hangul names as which a Han name may be read; none if a character's reading is not listed."""
    table = _han_readings()
    if all(character in table for character in han):
        for number, reading in enumerate(product(*(table[character] for character in han))):
            if number < _MOST_READINGS:
                yield "".join(reading)


@cache
def _han_readings() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = defaultdict(tuple)
    for reading, characters in _rows("hanja.csv"):
        for character in characters.split():
            found[character] += () if reading in found[character] else (reading,)
    return dict(found)


@cache
def _variant_groups() -> dict[str, tuple[int, ...]]:
    groups: dict[str, set[int]] = defaultdict(set)
    for number, names in enumerate(_rows("name_variant.csv")):
        for name in names:
            groups[name].add(number)
    return {name: tuple(sorted(numbers)) for name, numbers in groups.items()}


def _rows(name: str) -> list[list[str]]:
    text = (files("pipelines.matching.standardise") / name).read_text(encoding="utf-8")
    return list(csv.reader(text.splitlines()))

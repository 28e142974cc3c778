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
from functools import cache
from importlib.resources import files
from itertools import product
from zlib import crc32

from anyascii import anyascii

from pipelines.matching.standardise import hangul
from pipelines.matching.standardise.korean_name import hangul_of_given, hangul_of_surname, is_common_given, is_surname
from pipelines.matching.standardise.name import Name
from pipelines.matching.standardise.script import HAN, HANGUL, LATIN, script_of

# Codes of scripts in the prepared columns `given_script` and `surname_script`. Null is a name in Latin letters that is
# not Korean. The other scripts have their names as codes.
KOREAN, ROMANISED, TRANSCRIBED = "k", "r", "h"
# Pairs of scripts in which all names can be compared; `''` stands for null. In other pairs equal forms are evidence,
# and different ones are not.
COMPARABLE = ((KOREAN, ROMANISED), (KOREAN, TRANSCRIBED), (ROMANISED, ""))
# Numbers below this are groups of `name_variant.csv`.
_FIRST_HASH = 1_000
_MOST_HASHES = 2**31 - _FIRST_HASH
_MOST_READINGS = 12


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
        is_mixed: whether the file has names in several scripts. If not, Latin names that are not Korean have only the
            numbers of `variants`.

    >>> from pipelines.matching.standardise.name import parse_full_name
    >>> one, other = (set(given_forms(parse_full_name(n), is_mixed=True)) for n in ("金秀珍", "Kim Su Jin"))
    >>> bool(one & other)
    True
    """
    numbers: set[int] = set()
    for given, surname in _readings(name):
        if given:
            is_korean = is_surname(surname) if surname else is_mixed and not variants(given)
            korean = hangul_of_given(given) if is_korean and len(given) > 1 else ()
            numbers.update(variants(given), map(_number, _names_of(given, korean, is_mixed=is_mixed)))
    return tuple(sorted(numbers))


def surname_forms(name: Name, *, is_mixed: bool) -> tuple[int, ...]:
    """Return the numbers of the surnames that the surname may stand for, in all readings of the name."""
    found = {surname for _, surname in _readings(name) if surname}
    forms = (form for s in found for form in _names_of(s, hangul_of_surname(s), is_mixed=is_mixed))
    return tuple(sorted(set(map(_number, forms))))


def given_script(name: Name) -> str | None:
    """Return the code of the given name's script; None if it is unknown or a Latin name that is not Korean.

    >>> from pipelines.matching.standardise.name import parse_full_name
    >>> [given_script(parse_full_name(n)) for n in ("김수진", "Kim Su Jin", "존 스미스", "John Smith", "Юрий Гагарин")]
    ['k', 'r', 'h', None, 'cyrillic']
    """
    if name.given is None:
        return None
    script = _script(name, name.given)
    if script == HANGUL:
        is_korean = is_common_given(name.given) and (name.surname is None or is_surname(name.surname))
        return KOREAN if is_korean else TRANSCRIBED
    if script != LATIN:
        return script
    has_family = is_surname(name.surname) if name.surname else not variants(name.given)
    # One syllable may be half of a name: forms and tickets split `Su Jin` into a first and a middle name.
    is_whole = any(len(read) > 1 for read in hangul_of_given(name.given))
    return ROMANISED if has_family and is_whole else None


def surname_script(name: Name) -> str | None:
    """Return the code of the surname's script; None if it is unknown or a Latin surname that is not Korean."""
    if name.surname is None:
        return None
    script = _script(name, name.surname)
    if script == HANGUL:
        return KOREAN if is_surname(name.surname) else TRANSCRIBED
    if script != LATIN:
        return script
    return ROMANISED if is_surname(name.surname) else None


def crosswise_key(text: str, script: str | None) -> str | None:
    """Return a key of a given name or surname that is equal in several scripts; None if the name is too short for one.

    It is the `romanisation_key` of a Korean name, and `~` with the consonants of another name. `script` is the code of
    the name's script.

    >>> crosswise_key("수진", "k") == crosswise_key("sujin", "r")
    True
    >>> crosswise_key("michael", None), crosswise_key("마이클", "h"), crosswise_key("リ", "kana")
    ('~mkl', '~mkl', None)
    """
    if script in (KOREAN, ROMANISED):
        surname = hangul_of_surname(text)
        return hangul.romanisation_key(surname[0] if surname else text)
    consonants = _consonants(anyascii(text).lower() if script_of(text) == HAN else hangul.romanise(text))
    return f"~{consonants}" if len(consonants) > 1 else None


def hangul_form(text: str, script: str | None, *, is_family: bool) -> str:
    """Return the most probable Hangul of a romanised Korean name, and any other name unchanged.

    >>> hangul_form("sujin", "r", is_family=False), hangul_form("rhee", "r", is_family=True)
    ('수진', '이')
    """
    found = (hangul_of_surname if is_family else hangul_of_given)(text) if script == ROMANISED else ()
    return found[0] if found else text


def _readings(name: Name) -> tuple[tuple[str | None, str | None], ...]:
    return (name.given, name.surname), *name.others


def _script(name: Name, part: str) -> str:
    own = script_of(part)
    return name.script if own == LATIN and name.script not in (HANGUL, HAN) else own


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
    if script == HANGUL or is_mixed:
        yield text
    yield from korean


def _number(text: str) -> int:
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

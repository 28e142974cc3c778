"""Reads Korean names in Hangul or Latin letters: finds the surname, and the Hangul that a romanisation may stand for.

Romanised names are ambiguous. `Jin Su Min` may be 진수민 (surname Jin) or 민진수 (surname Min), and `Jung` may be 정 or
중. Each reading gets a probability from the frequencies of surnames and of syllables in given names. Readings that are
far less probable than the best one are dropped.

Sources. `korean_surname.csv`: shares of the population in the census of 2015 (Statistics Korea), and usual spellings.
`korean_syllable.csv`: rough weights of the syllables of given names, estimated by the authors. They only rank readings.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from itertools import product

from pipelines.matching.standardise import hangul

# A reading is kept if it is at least this share as probable as the best reading.
_LEAST_SHARE = 0.02
# Share of names whose surname comes first. In Hangul nearly all do; romanised names have both orders.
_SURNAME_FIRST = {True: 0.98, False: 0.6}
# Share of given names by number of syllables.
_SYLLABLE_SHARES = {1: 0.03, 2: 0.96, 3: 0.01}
# Probability of a syllable that the list of syllables lacks; only Hangul can have such a syllable.
_RARE = 1e-4
_MOST_READINGS = 12

# Surnames that are also written, and in North Korea always, with their old initial sound (두음 법칙).
_INITIAL_SOUNDS = {"유": "류", "이": "리", "임": "림", "노": "로", "양": "량", "여": "려", "염": "렴"}
# Usual spellings beside the Revised Romanization, for the parts of a syllable.
_INITIALS = {"g": "g k", "d": "d t", "r": "r l", "b": "b p", "j": "j ch", "": " "}
_VOWELS = {
    "a": "a ah", "ae": "ae ai ay", "eo": "eo uh", "yeo": "yeo yuh", "o": "o oh", "u": "u oo ou", "yu": "yu yoo you",
    "wo": "wo weo", "eu": "eu u", "ui": "ui ee i eui", "i": "i ee", "ye": "ye yea yae", "wi": "wi wee", "yo": "yo",
}  # fmt: skip
_FINALS = {"k": "k g", "p": "p b", "t": "t s", "l": "l"}
# Spellings of these vowels only before a final consonant, as in `Sung` and `Hyun`.
_CLOSED_VOWELS = {"eo": "u", "yeo": "yu you yo"}
# Spellings that do not follow from the parts.
_OWN_SPELLINGS = {
    "우": "woo wu", "이": "yi lee", "시": "shi", "신": "shin", "식": "shik", "심": "shim", "준": "june joon",
    "희": "hi he", "린": "lynn", "진": "jean", "영": "young", "용": "young",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a name: its surname and given name as written, without spaces, and its probability."""

    surname: str
    given: str
    probability: float


def read_name(words: Sequence[str], *, is_family_first: bool = False) -> list[Reading]:
    """Return the readings of the words of a whole name as a Korean name, the most probable first; empty if none.

    Args:
        words: in Hangul, or lower-case Latin letters without accents; hyphens are ignored.
        is_family_first: whether the surname is known to come first, as before a comma.

    >>> [(r.surname, r.given) for r in read_name(["kim", "su", "jin"])], read_name(["john", "smith"])
    ([('kim', 'sujin')], [])
    >>> [(r.surname, r.given) for r in read_name(["jin", "su", "min"])]
    [('jin', 'sumin'), ('min', 'jinsu')]
    >>> [(r.surname, r.given) for r in read_name(["황보라"])], read_name(["용녀", "선우"])[0].surname
    ([('황', '보라'), ('황보', '라')], '선우')
    """
    if not words:
        return []
    in_hangul = hangul.is_hangul("".join(words))
    first = 1.0 if is_family_first else _SURNAME_FIRST[in_hangul]
    found = []
    for surname, given, order in _splits(words, first):
        share = _surname_shares().get(surname, 0.0)
        probability = order * share * _best_share(given) if share else 0.0
        if probability:
            found.append(Reading(surname, "".join(given).replace("-", ""), probability))
    if len(found) < 2:
        return found
    found.sort(key=lambda r: -r.probability)
    return [
        r for n, r in enumerate(found) if r.probability >= _LEAST_SHARE * found[0].probability and r not in found[:n]
    ]


def hangul_of_given(*words: str) -> tuple[str, ...]:
    """Return the Hangul given names that the words may stand for, the most frequent first; empty if none.

    >>> hangul_of_given("jungsun")[:2], hangul_of_given("민준"), hangul_of_given("jennifer")
    (('정순', '정선'), ('민준',), ())
    """
    return tuple(_given_name(words))


def hangul_of_surname(surname: str) -> tuple[str, ...]:
    """Return the Hangul surnames that the text may stand for; empty if it is not a Korean surname.

    >>> hangul_of_surname("yoo"), hangul_of_surname("이"), hangul_of_surname("smith")
    (('유',), ('이',), ())
    """
    return tuple(_surnames().get(surname, ()))


def is_common_given(given: str) -> bool:
    """Return whether all syllables of a Hangul given name are usual in Korean given names, so it is no foreign name."""
    first, second = _syllables()
    return len(given) <= 3 and all(s in first or s in second for s in given)


def is_surname(word: str) -> bool:
    """Return whether a word, in Hangul or Latin letters, is a Korean surname."""
    return word in _surnames()


def _splits(words: Sequence[str], first: float) -> Iterator[tuple[str, tuple[str, ...], float]]:
    """Yield each division of the words into surname and given name, with the probability of its order."""
    if len(words) == 1:
        # Only in Hangul are both parts one word.
        sizes = (1, 2) if hangul.is_hangul(words[0]) else ()
        yield from ((words[0][:n], (words[0][n:],), first) for n in sizes if len(words[0]) > n)
        return
    yield words[0], tuple(words[1:]), first
    if len(words) > 2:
        yield words[0] + words[1], tuple(words[2:]), first
    if first < 1:
        yield words[-1], tuple(words[:-1]), 1 - first


@cache
def _surname_shares() -> dict[str, float]:
    return {surname: sum(shares.values()) for surname, shares in _surnames().items()}


@lru_cache(maxsize=100_000)
def _best_share(words: tuple[str, ...]) -> float:
    return max(_given_name(words).values(), default=0.0)


@lru_cache(maxsize=100_000)
def _given_name(words: tuple[str, ...]) -> dict[str, float]:
    """Return the Hangul given names that the words may stand for, with their probabilities, most probable first."""
    parts = [part for word in words for part in word.split("-")]
    first, second = _syllables()
    if hangul.is_hangul("".join(parts)):
        choices = [[tuple("".join(parts))]]
    else:
        choices = [list(_segmentations(part)) for part in parts]
    found: dict[str, float] = {}
    for chosen in product(*choices):
        syllables = [s for part in chosen for s in part]
        if len(syllables) not in _SYLLABLE_SHARES:
            continue
        options = [{s: 1.0} if hangul.is_hangul(s) else _spellings()[s] for s in syllables]
        for name in product(*options):
            shares = [(second if n or len(name) == 1 else first).get(s, _RARE) for n, s in enumerate(name)]
            probability = _SYLLABLE_SHARES[len(name)]
            for share, option, syllable in zip(shares, options, name, strict=True):
                probability *= share * option[syllable]
            whole = "".join(name)
            found[whole] = max(found.get(whole, 0.0), probability)
    ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))[:_MOST_READINGS]
    return {name: probability for name, probability in ranked if probability >= _LEAST_SHARE * ranked[0][1]}


def _segmentations(text: str) -> Iterator[tuple[str, ...]]:
    """Yield the divisions of a Latin text into at most three spellings of syllables."""
    known = _spellings()
    for end in range(1, len(text) + 1):
        head, rest = text[:end], text[end:]
        if head not in known:
            continue
        if not rest:
            yield (head,)
        else:
            yield from ((head, *tail) for tail in _segmentations(rest) if len(tail) < 3)


def _rows(name: str) -> list[list[str]]:
    text = (files("pipelines.matching.standardise") / name).read_text(encoding="utf-8")
    return list(csv.reader(text.splitlines()))[1:]


@cache
def _surnames() -> dict[str, dict[str, float]]:
    """Return for each surname, in Hangul or Latin letters, the Hangul surnames with their shares of the population.

    The spellings of a surname are listed by frequency; each is taken as half as frequent as the one before.
    """
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for surname, count, spellings in _rows("korean_surname.csv"):
        share = int(count) / 10_000
        if surname in _INITIAL_SOUNDS:
            found[_INITIAL_SOUNDS[surname]] = {_INITIAL_SOUNDS[surname]: share / 10, surname: share / 10}
        found[surname][surname] = share
        for rank, spelling in enumerate(spellings.split()):
            found[spelling][surname] = share / 2 ** (rank + 1)
    return {s: dict(sorted(names.items(), key=lambda item: -item[1])) for s, names in found.items()}


@cache
def _syllables() -> tuple[dict[str, float], dict[str, float]]:
    """Return the shares of the syllables of given names: in the first place, and in the second or only place."""
    rows = _rows("korean_syllable.csv")
    totals = [sum(int(row[place]) for row in rows) for place in (1, 2)]
    first, second = ({row[0]: max(int(row[n]) / totals[n - 1], _RARE) for row in rows} for n in (1, 2))
    return first, second


@cache
def _spellings() -> dict[str, dict[str, float]]:
    """Return the syllables that each Latin spelling may stand for, with the weight of the spelling."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for syllable in _syllables()[0]:
        initial, vowel, final = hangul.roman_parts(syllable)
        parts = (
            _INITIALS.get(initial, initial).split(" ")[: 1 if not initial else None],
            [*_VOWELS.get(vowel, vowel).split(), *(_CLOSED_VOWELS.get(vowel, "").split() if final else ())],
            _FINALS.get(final, final).split() or [""],
        )
        own = _OWN_SPELLINGS.get(syllable, "").split()
        for spelling in (*map("".join, product(*parts)), *own):
            found[spelling].setdefault(syllable, 1.0)
    return dict(found)

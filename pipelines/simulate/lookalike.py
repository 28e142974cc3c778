"""Makes people who are difficult to tell apart or to recognise: twins, couples, namesakes, and names in two scripts.

Each function returns a copy of `people` in which some households have other values. It marks their people in the column
`identity_case` with the name of the rate. A person has at most one such case.
"""

import unicodedata

import jellyfish
import numpy as np
import pandas as pd

from pipelines.simulate.names import draw_given, full_name
from pipelines.simulate.random_stream import Bools, Ints, chance
from pipelines.simulate.text import load_table

# Women who keep their surname when they marry.
_SURNAME_STAYS = frozenset({"zh", "vi"})
_SURNAME_FIRST = frozenset({"zh", "ja", "vi"})
_SAME_SEX = 0.7  # share of twins
_GENERATION = np.timedelta64(20 * 365, "D")
_SUFFIXES = (("", ""), ("", " Jr."), (" Sr.", " Jr."))


def with_twins(people: pd.DataFrame, rate: float, rng: np.random.Generator, is_old: Bools) -> pd.DataFrame:
    """Return people with twins: the second child of some households gets the birth date of the first.

    `is_old` tells who is old enough to register; only the elder children of a household are considered if both are.
    """
    home, child = people["household"].to_numpy(), people["role"].to_numpy(object) == "child"
    first = np.flatnonzero(child[:-1] & child[1:] & (home[:-1] == home[1:]) & is_old[:-1])
    first = first[np.unique(home[first], return_index=True)[1]]
    first = first[chance(rng, rate, len(first))]
    out, second = people.copy(), first + 1
    birth, sex = out["birth_date"].to_numpy().copy(), out["sex"].to_numpy(object).copy()
    birth[second] = birth[first]
    sex[second] = np.where(chance(rng, _SAME_SEX, len(first)), sex[first], sex[second])
    return _marked(out.assign(birth_date=birth, sex=sex), np.concatenate([first, second]), "twins")


def with_foreigners(people: pd.DataFrame, rate: float, rng: np.random.Generator) -> pd.DataFrame:
    """Return people with foreigners: some households that are not Korean get names of another language.

    Adds `name_native`, the name in the script of its language, and `name_hangul`; both are None for other people.
    """
    out = people.assign(name_native=None, name_hangul=None)
    home, taken = people["household"].to_numpy(), people["is_korean"] | people["identity_case"].notna()
    homes = np.setdiff1d(home, home[taken])
    homes = homes[chance(rng, rate, len(homes))]
    columns = ["surname", "given", "surname_latin", "given_latin", "name_native", "name_hangul", "previous_name"]
    texts = {name: out[name].to_numpy(object).copy() for name in columns}
    role, sex = people["role"].to_numpy(object), people["sex"].to_numpy(object)
    source = _ForeignNames(rng)
    for household in homes.tolist():
        language, surname = source.family()
        used: set[str] = set()
        for person in np.flatnonzero(home == household).tolist():
            if role[person] == "spouse" and language in _SURNAME_STAYS:
                surname_of = source.family(language)[1]
            else:
                surname_of = surname
            values = source.person(language, surname_of, sex[person], used)
            for name, value in values.items():
                texts[name][person] = value
    chosen = np.flatnonzero(np.isin(home, homes))
    out = _renamed(out.assign(**texts))
    out["married_on"] = out["married_on"].where(out["previous_name"].notna())
    return _marked(out, chosen, "foreigners")


def with_names_of_their_own(people: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return people in which the given names of twins differ by more than a typing error."""
    out = people.copy()
    case, korean = out["identity_case"].to_numpy(object), out["is_korean"].to_numpy()
    second = np.flatnonzero((case[:-1] == "twins") & (case[1:] == "twins")) + 1
    second = second[out["household"].to_numpy()[second] == out["household"].to_numpy()[second - 1]]
    given, latin = out["given"].to_numpy(object).copy(), out["given_latin"].to_numpy(object).copy()
    born, sex = out["birth_date"].dt.year.to_numpy(np.int64), out["sex"].to_numpy(object)
    while len(second := second[[is_alike(given[n], given[n - 1]) for n in second]]):
        given[second], latin[second] = draw_given(rng, korean[second], sex[second], born[second])
    return _renamed(out.assign(given=given, given_latin=latin))


def with_namesakes(people: pd.DataFrame, rate: float, rng: np.random.Generator, is_old: Bools) -> pd.DataFrame:
    """Return people with fathers and sons of one name, in some English-speaking households; some with Sr. and Jr."""
    out = people.copy()
    role, home = out["role"].to_numpy(object), out["household"].to_numpy()
    free = ~out["is_korean"].to_numpy() & out["identity_case"].isna().to_numpy() & (out["sex"] == "M").to_numpy()
    father = _first_of(home, free & (role != "child"))
    son = _first_of(home, free & (role == "child") & is_old)
    born = out["birth_date"].to_numpy().astype("datetime64[D]")
    apart = [h for h in sorted(father.keys() & son.keys()) if born[son[h]] - born[father[h]] > _GENERATION]
    chosen = [h for h in apart if rng.random() < rate]
    fathers, sons = (np.array([of[h] for h in chosen], dtype=np.int64) for of in (father, son))
    for name in ("given", "given_latin"):
        values = out[name].to_numpy(object).copy()
        values[sons] = values[fathers]
        out[name] = values
    out = _renamed(out)
    style = rng.integers(0, len(_SUFFIXES), len(chosen))
    names = out["name"].to_numpy(object).copy()
    for position, (senior, junior) in enumerate(_SUFFIXES):
        here = style == position
        names[fathers[here]] += senior
        names[sons[here]] += junior
    return _marked(out.assign(name=names), np.concatenate([fathers, sons]), "namesakes")


def with_shared_contacts(people: pd.DataFrame, rate: float, rng: np.random.Generator) -> pd.DataFrame:
    """Return people in which some couples have one phone number and one e-mail address, those of the head."""
    free = people["identity_case"].isna().to_numpy()
    spouse = np.flatnonzero(people["role"].to_numpy(object) == "spouse")
    spouse = spouse[free[spouse] & free[spouse - 1] & chance(rng, rate, len(spouse))]
    out = people.copy()
    for name in ("phone", "email"):
        values = out[name].to_numpy(object).copy()
        values[spouse] = values[spouse - 1]
        out[name] = values
    return _marked(out, np.concatenate([spouse - 1, spouse]), "shared_contacts")


def with_hangul_names(people: pd.DataFrame) -> pd.DataFrame:
    """Return people in which `name_hangul` has the English names as Koreans write them; None for Koreans."""
    parts = [
        people[column].map(load_table(table).set_index("name")["hangul"])
        for column, table in (("given", "english_given"), ("surname", "english_surname"))
    ]
    english = (parts[0] + " " + parts[1]).astype(object)
    hangul = english.where(~people["is_korean"] & people["name_native"].isna(), people["name_hangul"])
    return people.assign(name_hangul=hangul.where(hangul.notna(), None))


def is_alike(name: str, other: str) -> bool:
    """Return whether two names differ by at most one letter (jamo).

    >>> is_alike("현우", "현아"), is_alike("민준", "민서")
    (True, False)
    """
    first, second = (unicodedata.normalize("NFD", text.lower()) for text in (name, other))
    return jellyfish.damerau_levenshtein_distance(first, second) <= 1


def _marked(people: pd.DataFrame, rows: Ints, case: str) -> pd.DataFrame:
    cases = people["identity_case"].to_numpy(object).copy()
    cases[rows] = case
    return people.assign(identity_case=cases)


def _renamed(people: pd.DataFrame) -> pd.DataFrame:
    """Return people whose full names are made of their surnames and given names."""
    korean = people["is_korean"].to_numpy()
    name = full_name(korean, people["surname"].to_numpy(object), people["given"].to_numpy(object))
    return people.assign(name=name, name_latin=people["given_latin"] + " " + people["surname_latin"])


def _first_of(home: Ints, rows: Bools) -> dict[int, int]:
    """Return the first of the rows in each household."""
    found = np.flatnonzero(rows)
    return dict(zip(home[found[::-1]].tolist(), found[::-1].tolist(), strict=True))


class _ForeignNames:
    """Draws names of other languages: the native script, Latin letters and Hangul."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        table = load_table("foreign_name")
        self._languages = sorted(set(table["language"]))
        # Names by language, part and sex; a name without a sex is for both.
        self._names = {
            (language, part, sex): rows[["native", "latin", "hangul"]].to_dict("records")
            for (language, part), of in table.groupby(["language", "part"])
            for sex in "FM"
            if len(rows := of[of["sex"].isin(("", sex))])
        }

    def family(self, language: str | None = None) -> tuple[str, int]:
        """Return a language and the number of a surname in it."""
        language = language or str(self._rng.choice(self._languages))
        return language, int(self._rng.integers(len(self._names[language, "surname", "M"])))

    def person(self, language: str, surname: int, sex: str, used: set[str]) -> dict[str, str | None]:
        """Return the names of a person of a family, by column of `people`; the given name is added to those used."""
        family, givens = self._names[language, "surname", sex][surname], self._names[language, "given", sex]
        free = [given for given in givens if given["latin"] not in used] or givens
        given = free[int(self._rng.integers(len(free)))]
        used.add(given["latin"])
        is_first = language in _SURNAME_FIRST
        return {
            "surname": family["latin"],
            "given": given["latin"],
            "surname_latin": family["latin"],
            "given_latin": given["latin"],
            "name_native": _native(language, family["native"], given["native"]),
            "name_hangul": _joined(family["hangul"], given["hangul"], " ", is_first),
            "previous_name": None,
        }


def _native(language: str, surname: str, given: str) -> str:
    return _joined(surname, given, "" if language in ("zh", "ja") else " ", language in _SURNAME_FIRST)


def _joined(surname: str, given: str, space: str, is_surname_first: bool) -> str:
    return surname + space + given if is_surname_first else given + space + surname

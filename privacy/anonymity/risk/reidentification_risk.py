"""Measures the re-identification risk of a table, before or after anonymisation, from its class sizes.

Prosecutor risk: the attacker knows that the target is in the table; 1 / people of the class. Journalist risk: 1 /
people of the population with the same values. Marketer risk: expected share of people re-identified when each person is
matched with a random person of a class that fits (El Emam 2013). A null is a value of its own, as in a release.

A row whose quasi-identifiers are all `*` is suppressed: it fits every person of the table, so its risk is 1 / people of
the table, and it is no class. If all rows are so, they are one class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from privacy.anonymity.errors import SpecError
from privacy.anonymity.risk.population_unique import pitman_uniques, poisson_uniques, slide_negative_binomial_uniques
from privacy.anonymity.spec.hierarchy import TOP
from privacy.anonymity.table.frequency_table import as_text, missing_columns, radix

THRESHOLDS = (0.05, 0.09, 0.2, 0.33, 0.5)
"""Customary acceptable risks: classes of 20, 11, 5, 3 and 2. ISO/IEC 27559 leaves the choice to the publisher."""


@dataclass(frozen=True)
class Risk:
    """Risks as shares of 1. `at_risk[t]` is the share of records whose prosecutor risk is above `t`.

    `suppressed` rows count as records and belong to no class. When people have several rows, a class counts people.
    `unique` counts people with a row that no other person's row equals. The marketer's share is over people, each at
    the riskiest of their rows.
    """

    records: int
    people: int
    suppressed: int
    classes: int
    smallest_class: int
    unique: int
    highest_prosecutor: float
    records_at_highest: int
    mean_prosecutor: float
    marketer: float
    highest_journalist: float | None
    at_risk: dict[float, float]
    population_size: int | None = None
    population_unique_pitman: float | None = None
    population_unique_snb: float | None = None
    population_unique_poisson: float | None = None
    unique_without: dict[str, int] = field(default_factory=dict)
    """People still unique without this column. A low number means that the column singles people out."""


def measure_risk(
    frame: pd.DataFrame,
    quasi: Sequence[str],
    person: str | None = None,
    population_size: int | None = None,
    population: pd.DataFrame | None = None,
) -> Risk:
    """Measures the risk of publishing the columns `quasi` of `frame` unchanged.

    `population_size`, the number of people that the table was drawn from, adds estimates of how many are unique in the
    population (see `population_unique`). People with several rows count there at the riskiest of their rows.
    `population`, a table of its quasi-identifiers, adds the exact journalist risk. A class then counts at least the
    people of the table, also where the population table misses them.

    Raises:
        SpecError: no rows, no or missing columns, or a population smaller than the table.
    """
    _require(frame, quasi, person)
    codes, sizes = encode(frame, quasi)
    owner = _owners(frame, person)
    people = int(owner.max()) + 1
    row_class, of_class, people_of_row = _classes(radix(codes, sizes), owner)
    hidden = suppressed_rows(frame, quasi)
    if hidden.any():
        shown = np.unique(row_class[~hidden])
        row_class, of_class = np.searchsorted(shown, row_class), of_class[shown]
        people_of_row = np.where(hidden, people, people_of_row)
    if population_size is not None and population_size < people:
        raise SpecError(
            f"the population has {population_size} people, fewer than the {people} of the table; give the number that "
            "the table was drawn from"
        )
    per_record = 1.0 / people_of_row
    worst = np.zeros(people)
    np.maximum.at(worst, owner, per_record)
    seen = ~hidden
    sampled = of_class if person is None else _at_riskiest(row_class[seen], people_of_row[seen], owner[seen])
    return Risk(
        records=len(frame),
        people=people,
        suppressed=int(hidden.sum()),
        classes=len(of_class),
        smallest_class=int(of_class.min()),
        unique=int((worst == 1).sum()),
        highest_prosecutor=float(per_record.max()),
        records_at_highest=int((people_of_row == people_of_row.min()).sum()),
        mean_prosecutor=float(per_record.mean()),
        marketer=float(worst.mean()),
        highest_journalist=None if population is None else _journalist(frame, quasi, people_of_row, population),
        at_risk={threshold: float((per_record > threshold + 1e-12).mean()) for threshold in THRESHOLDS},
        population_size=population_size,
        population_unique_pitman=pitman_uniques(sampled, population_size),
        population_unique_snb=slide_negative_binomial_uniques(sampled, population_size),
        population_unique_poisson=poisson_uniques(sampled, population_size),
        unique_without=_unique_without(codes, sizes, quasi, owner, seen),
    )


def class_sizes(frame: pd.DataFrame, quasi: Sequence[str], person: str | None = None) -> pd.DataFrame:
    """Returns for each row of `frame` its class number and the number of people in the class.

    A suppressed row counts the people of the whole table.
    """
    owner = _owners(frame, person)
    row_class, _, people = _classes(radix(*encode(frame, quasi)), owner)
    people = np.where(suppressed_rows(frame, quasi), int(owner.max(initial=-1)) + 1, people)
    return pd.DataFrame({"__class": row_class, "people": people}, index=frame.index)


def suppressed_rows(frame: pd.DataFrame, quasi: Sequence[str]) -> NDArray[np.bool_]:
    """Returns for each row whether it is suppressed: all its quasi-identifiers are `*`. False for all if all are so.

    A cell of stars only, such as a masked postal code `*****`, counts as `*`.
    """
    hidden = np.ones(len(frame), np.bool_)
    for name in quasi:
        texts = as_text(frame[name])
        hidden &= texts.isin(
            [text for text in texts.unique() if not text.strip().strip(TOP) and TOP in text]
        ).to_numpy()
    return hidden & ~hidden.all()


def highest_risk_rows(
    frame: pd.DataFrame, quasi: Sequence[str], most: int = 10, person: str | None = None
) -> NDArray[np.int64]:
    """Returns the positions of the rows in the smallest classes, smallest first, rows of equal risk in their order."""
    people = class_sizes(frame, quasi, person)["people"].to_numpy(np.int64)
    return np.argsort(people, kind="stable")[:most].astype(np.int64)


def encode(frame: pd.DataFrame, quasi: Sequence[str]) -> tuple[list[NDArray[np.int64]], list[int]]:
    """Returns the integer codes of each column's texts, and each column's number of distinct values."""
    found = [pd.factorize(as_text(frame[name])) for name in quasi]
    return [code.astype(np.int64) for code, _ in found], [len(values) for _, values in found]


def _require(frame: pd.DataFrame, quasi: Sequence[str], person: str | None) -> None:
    if not quasi:
        raise SpecError("no quasi-identifiers; name at least one column that an attacker may know")
    absent = [name for name in (*quasi, *([person] if person else [])) if name not in frame.columns]
    if absent:
        raise missing_columns(absent, list(frame.columns))
    if frame.empty:
        raise SpecError("the table has no rows, so no risk can be measured; add rows")


def _owners(frame: pd.DataFrame, person: str | None) -> NDArray[np.int64]:
    """Returns a number for the person of each row. Rows without an identifier count as one person, as in a release."""
    if person is None:
        return np.arange(len(frame))
    return pd.factorize(as_text(frame[person]))[0].astype(np.int64)


def _classes(
    key: NDArray[np.int64], owner: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Returns the class of each row, the people of each class, and the people of each row's class."""
    number = pd.factorize(key)[0].astype(np.int64)
    if len(owner) and int(owner.max()) + 1 == len(owner):
        people = np.bincount(number)
    else:
        pairs = np.unique(number * (int(owner.max()) + 1) + owner)
        people = np.bincount(pairs // (int(owner.max()) + 1))
    return number, people, people[number]


def _at_riskiest(
    row_class: NDArray[np.int64], people_of_row: NDArray[np.int64], owner: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Returns the class sizes after counting each person only in their smallest class; empty classes are left out."""
    order = np.lexsort((row_class, people_of_row, owner))
    first = order[np.r_[True, np.diff(owner[order]) != 0]]
    sizes = np.bincount(row_class[first])
    return sizes[sizes > 0]


def _journalist(
    frame: pd.DataFrame, quasi: Sequence[str], people_of_row: NDArray[np.int64], population: pd.DataFrame
) -> float:
    absent = [name for name in quasi if name not in population.columns]
    if absent:
        raise missing_columns(absent, list(population.columns))
    parts = [pd.DataFrame({name: as_text(part[name]) for name in quasi}) for part in (frame, population)]
    both = pd.concat(parts, ignore_index=True)
    number = pd.factorize(radix(*encode(both, quasi)))[0]
    reach = np.bincount(number[len(frame) :], minlength=int(number.max()) + 1)
    return float((1.0 / np.maximum(reach[number[: len(frame)]], people_of_row)).max())


def _unique_without(
    codes: list[NDArray[np.int64]],
    sizes: list[int],
    quasi: Sequence[str],
    owner: NDArray[np.int64],
    seen: NDArray[np.bool_],
) -> dict[str, int]:
    """Returns for each column the number of people who are unique by the other columns alone, among `seen` rows."""
    out = {}
    for left_out, name in enumerate(quasi):
        kept = [j for j in range(len(quasi)) if j != left_out]
        key = radix([codes[j] for j in kept], [sizes[j] for j in kept]) if kept else np.zeros(len(owner), np.int64)
        people = _classes(key, owner)[2]
        out[name] = len(np.unique(owner[(people == 1) & seen]))
    return out

"""Singling-out, linkability, inference and membership attacks on a synthetic table (Giomi et al. 2023; Yeom et al. 2018).

Each takes `train` (rows that were learned from), `control` (rows of the same people's kind that were not) and the
synthetic rows. An attacker sees the synthetic rows only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from privacy.synthetic.attack.risk import Risk
from privacy.synthetic.evaluation.table_form import TableForm

Matrix = npt.NDArray[np.float64]
_BLOCK = 256


def singling_out(
    train: TableForm, control: TableForm, synthetic: TableForm, attacks: int = 1000, columns: int = 4, seed: int = 0
) -> Risk:
    """Return the risk that a predicate which fits one synthetic row also fits exactly one real person.

    Each attack takes the values of a random synthetic row in random columns, of which only one synthetic row has them.
    """
    random = np.random.default_rng(seed)
    names = list(train.columns)
    counts = {True: 0, False: 0}
    naive, done = 0, 0
    for _ in range(20 * attacks):
        if done == attacks:
            break
        chosen = random.choice(len(names), min(columns, len(names)), replace=False)
        row = int(random.integers(synthetic.rows))
        made = _matching(synthetic, synthetic, row, chosen)
        if made != 1:
            continue
        done += 1
        counts[True] += _matching(train, synthetic, row, chosen) == 1
        counts[False] += _matching(control, synthetic, row, chosen) == 1
        free = np.array([random.integers(synthetic.rows) for _ in chosen])
        naive += (
            _matching_values(train, chosen, [synthetic.codes[names[c]][f] for c, f in zip(chosen, free, strict=True)])
            == 1
        )
    return Risk.of("singling out", done, counts[True], done, counts[False], naive)


def _matching(form: TableForm, synthetic: TableForm, row: int, chosen: Sequence[int] | npt.NDArray[np.int64]) -> int:
    names = list(form.columns)
    return _matching_values(form, chosen, [synthetic.codes[names[index]][row] for index in chosen])


def _matching_values(form: TableForm, chosen: Sequence[int] | npt.NDArray[np.int64], values: Sequence[int]) -> int:
    names = list(form.columns)
    fits = np.ones(form.rows, bool)
    for index, value in zip(chosen, values, strict=True):
        fits &= form.codes[names[index]] == value
    return int(fits.sum())


def linkability(
    train: TableForm, control: TableForm, synthetic: TableForm, first: Sequence[str], second: Sequence[str],
    attacks: int = 2000, seed: int = 0,
) -> Risk:  # fmt: skip
    """Return the risk that synthetic rows link what two parties know about one person.

    A link succeeds if the synthetic row nearest to the person in the `first` columns is nearest in the `second` too.
    """
    random = np.random.default_rng(seed)
    made = synthetic.sample(20_000, seed)

    def successes(form: TableForm) -> tuple[int, int]:
        some = form.sample(attacks, seed)
        one, other = (nearest(_positions(some, part), _positions(made, part)) for part in (first, second))
        return int((one == other).sum()), some.rows

    found, tried = successes(train)
    found_control, tried_control = successes(control)
    naive = int((random.integers(made.rows, size=tried) == random.integers(made.rows, size=tried)).sum())
    return Risk.of("linkability", tried, found, tried_control, found_control, naive)


def inference(
    train: TableForm, control: TableForm, synthetic: TableForm, secret: str, attacks: int = 5000, seed: int = 0
) -> Risk:
    """Return the risk that the nearest synthetic row, in all other columns, tells a person's `secret`."""
    others = [name for name in train.columns if name != secret]
    made = synthetic.sample(20_000, seed)
    guesses = made.codes[secret]

    def successes(form: TableForm) -> tuple[int, int]:
        some = form.sample(attacks, seed)
        near = nearest(_positions(some, others), _positions(made, others))
        return int((guesses[near] == some.codes[secret]).sum()), some.rows

    found, tried = successes(train)
    found_control, tried_control = successes(control)
    drawn = np.random.default_rng(seed).choice(guesses, tried)
    naive = int((drawn == train.sample(attacks, seed).codes[secret]).sum())
    return Risk.of(f"inference of {secret}", tried, found, tried_control, found_control, naive)


def membership(train: TableForm, control: TableForm, synthetic: TableForm, attacks: int = 5000, seed: int = 0) -> float:
    """Return the AUC of the attack that takes people near a synthetic row for members; 0.5 is blind guessing."""
    from sklearn.metrics import roc_auc_score

    names = list(train.columns)
    made = _positions(synthetic.sample(50_000, seed), names)
    rows = min(attacks, train.rows, control.rows)
    scores = [-distances(_positions(form.sample(rows, seed), names), made) for form in (train, control)]
    return float(roc_auc_score(np.repeat([1, 0], rows), np.concatenate(scores)))


def copied_rows(train: TableForm, control: TableForm, synthetic: TableForm) -> Risk:
    """Return the risk that a synthetic row repeats a rare person: a row that occurs once among the people.

    The control counts how often rows of people who were not learned from are hit by chance.
    """
    names = list(train.columns)
    known = _rows(synthetic, names)

    def hits(form: TableForm) -> tuple[int, int]:
        rows, counts = np.unique(_rows(form, names), return_counts=True)
        rare = rows[counts == 1]
        return int(np.isin(rare, known).sum()), len(rare)

    found, tried = hits(train)
    found_control, tried_control = hits(control)
    return Risk.of("copied rows", tried, found, tried_control, found_control, 0)


def _rows(form: TableForm, names: Sequence[str]) -> npt.NDArray[np.void]:
    """Return one value a row, equal for rows with equal values."""
    matrix = np.ascontiguousarray(np.nan_to_num(form.numbers, nan=-1e18))
    return matrix.view(np.dtype((np.void, matrix.dtype.itemsize * matrix.shape[1]))).ravel()


def _positions(form: TableForm, names: Sequence[str]) -> Matrix:
    """Return rows as points: numbers scaled to 0 … 1 by the domain, and each category as corners half apart (Gower)."""
    order = list(form.columns)
    found = []
    for name in names:
        coding = form.columns[name]
        if form.is_category[order.index(name)]:
            found.append(0.5 * np.eye(coding.size + 1)[form.codes[name]])
        else:
            low, high = coding.spec.minimum, coding.spec.maximum  # type: ignore[attr-defined]
            scaled = (form.numbers[:, order.index(name)] - low) / (high - low)
            found.append(np.nan_to_num(scaled, nan=-1.0)[:, None])
    return np.concatenate(found, 1)


def distances(points: Matrix, others: Matrix) -> npt.NDArray[np.float64]:
    """Return the city-block distance of each point to its nearest of the others."""
    return _query(points, others)[0]


def nearest(points: Matrix, others: Matrix) -> npt.NDArray[np.int64]:
    """Return the index of the nearest of the others, by city-block distance; ties are broken by the order of others."""
    return _query(points, others)[1]


def _query(points: Matrix, others: Matrix) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    from scipy.spatial import cKDTree

    far, near = cKDTree(others).query(points, k=1, p=1)
    return np.asarray(far, np.float64), np.asarray(near, np.int64)

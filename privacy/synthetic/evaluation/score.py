"""Scores of a synthetic table against a real one.

All of them are between 0 and 1. `k_marginals` and `association` are best at 1, `detection` (pMSE) is best at 0,
`downstream` is the AUC of a model trained on the synthetic rows and tested on real rows that nothing was fitted on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import combinations

import numpy as np

from privacy.synthetic.spread import Codes
from privacy.synthetic.table_form import Numbers, TableForm

_MOST_MARGINALS = 100
_TREES = 60
_NULL = -1e12
_MOST_CLASSES = 10


def k_marginals(real: TableForm, synthetic: TableForm, k: int = 3, seed: int = 0) -> float:
    """Return 1 − the mean total variation distance over marginals of k columns (NIST's k-marginal score / 1000).

    At most a hundred marginals are used, chosen by the seed.
    """
    columns = list(combinations(real.columns, min(k, len(real.columns))))
    if len(columns) > _MOST_MARGINALS:
        chosen = np.random.default_rng(seed).choice(len(columns), _MOST_MARGINALS, replace=False)
        columns = [columns[index] for index in chosen]
    return 1 - float(np.mean([_distance(real, synthetic, names) for names in columns]))


def _distance(real: TableForm, synthetic: TableForm, names: Sequence[str]) -> float:
    cells = [_cells(form, names) for form in (real, synthetic)]
    _, places = np.unique(np.concatenate(cells), return_inverse=True)
    size = int(places.max()) + 1
    first, second = (np.bincount(part, minlength=size) / max(1, len(part))
                     for part in np.split(places, [len(cells[0])]))  # fmt: skip
    return float(np.abs(first - second).sum() / 2)


def _cells(form: TableForm, names: Sequence[str]) -> Codes:
    return np.ravel_multi_index([form.codes[name] for name in names], [form.columns[name].size + 1 for name in names])


def association(real: TableForm, synthetic: TableForm) -> float:
    """Return 1 − the mean difference of Cramér's V over all pairs of columns, in coarse codes."""
    pairs = list(combinations(real.columns, 2))
    if not pairs:
        return 1.0
    return 1 - float(np.mean([abs(_cramer(real, pair) - _cramer(synthetic, pair)) for pair in pairs]))


def _cramer(form: TableForm, pair: tuple[str, str]) -> float:
    """Return Cramér's V with the correction of Bergsma (2013)."""
    shape = [form.columns[name].size + 1 for name in pair]
    table = np.bincount(_cells(form, pair), minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
    table = table[table.sum(1) > 0][:, table.sum(0) > 0]
    total, (rows, columns) = table.sum(), table.shape
    if min(rows, columns) < 2 or total < 2:
        return 0.0
    expected = np.outer(table.sum(1), table.sum(0)) / total
    phi = float(((table - expected) ** 2 / expected).sum() / total)
    phi = max(0.0, phi - (rows - 1) * (columns - 1) / (total - 1))
    least = min(rows - (rows - 1) ** 2 / (total - 1), columns - (columns - 1) ** 2 / (total - 1)) - 1
    return float(np.sqrt(phi / max(least, 1e-9)))


def shapes(real: TableForm, synthetic: TableForm) -> Mapping[str, float]:
    """Return for each column 1 − the total variation distance of its coarse codes."""
    return {name: 1 - _distance(real, synthetic, (name,)) for name in real.columns}


def detection(real: TableForm, synthetic: TableForm, seed: int = 0) -> float:
    """Return pMSE, scaled to 0 … 1: how well boosted trees tell real from synthetic rows (Snoke et al. 2018)."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import cross_val_predict

    rows = min(real.rows, synthetic.rows)
    data = np.concatenate([_filled(form.sample(rows, seed)) for form in (real, synthetic)])
    label = np.repeat([0, 1], rows)
    model = HistGradientBoostingClassifier(max_iter=_TREES, random_state=seed)
    with _one_thread():
        probability = cross_val_predict(model, data, label, cv=3, method="predict_proba")[:, 1]
    return float(np.mean((probability - 0.5) ** 2) / 0.25)


def downstream(train: TableForm, test: TableForm, target: str, seed: int = 0) -> float:
    """Return the AUC on `test` of boosted trees fitted on `train`; of several classes the mean AUC of one against all.

    0.5 when `train` has one class only.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    place = list(train.columns).index(target)
    others = [index for index in range(len(train.columns)) if index != place]
    is_category = [train.is_category[index] and train.columns[list(train.columns)[index]].size <= 255
                   for index in others]  # fmt: skip
    label, wanted = _common_classes(train.codes[target], test.codes[target])
    known = np.unique(label)
    if len(known) < 2 or len(np.unique(wanted)) < 2:
        return 0.5
    model = HistGradientBoostingClassifier(max_iter=80, random_state=seed, categorical_features=is_category)
    with _one_thread():
        model.fit(_filled(train)[:, others], label)
        scores = model.predict_proba(_filled(test)[:, others])
    found = [roc_auc_score(wanted == one, scores[:, column]) for column, one in enumerate(model.classes_)
             if 0 < (wanted == one).sum() < len(wanted)]  # fmt: skip
    return float(np.mean(found[-1:] if len(known) == 2 else found))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep OpenMP to one thread: waiting threads of several busy processes slow each other a hundredfold."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="openmp"):
        yield


def _common_classes(label: Codes, wanted: Codes) -> tuple[Codes, Codes]:
    """Return both with the classes that are rare in `wanted` taken together, since each class has trees of its own."""
    codes, counts = np.unique(wanted, return_counts=True)
    kept = codes[np.argsort(-counts, kind="stable")[:_MOST_CLASSES]]
    return np.where(np.isin(label, kept), label, -1), np.where(np.isin(wanted, kept), wanted, -1)


def _filled(form: TableForm) -> Numbers:
    """Return the numbers with a very small one for null: a column may have no value at all, which trees refuse."""
    return np.nan_to_num(form.numbers, nan=_NULL)

"""Membership inference: were a person's rows learned from?

Two attackers: one takes people near a synthetic row for members. The other fits the synthesizer itself to people that
he knows (shadow models; Shokri et al. 2017, Stadler et al. 2022) and learns from them what members look like.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from privacy.synthetic.attack.nearest import nearest
from privacy.synthetic.attack.risk import ALARM, Z
from privacy.synthetic.table_form import TableForm, row_keys

Refit = Callable[[TableForm, int], TableForm]
"""Fits the synthesizer to rows and returns as many synthetic rows; the number is a seed for sampling."""
Scores = npt.NDArray[np.float64]
MOST_SYNTHETIC = 50_000
_MOST_MARGINALS = 60


@dataclass(frozen=True)
class Membership:
    """The AUC of an attack that tells members from others, with its 95 % interval; 0.5 is blind guessing.

    `chance`: probability of so high an AUC by guessing. `shadow_models`: models that the attacker fitted.
    """

    auc: float
    low: float
    high: float
    chance: float
    people: int
    shadow_models: int = 0

    @classmethod
    def of(cls, members: Scores, others: Scores, shadow_models: int = 0) -> Membership:
        """Return the AUC of scores, with the interval of Hanley and McNeil (1982)."""
        from sklearn.metrics import roc_auc_score

        m, n = len(members), len(others)
        if min(m, n) == 0:
            return cls(0.5, 0.0, 1.0, 1.0, 0, shadow_models)
        auc = float(roc_auc_score(np.repeat([1, 0], [m, n]), np.r_[members, others]))
        one, two = auc / (2 - auc), 2 * auc**2 / (1 + auc)
        error = math.sqrt(max(1e-12, auc * (1 - auc) + (m - 1) * (one - auc**2) + (n - 1) * (two - auc**2)) / (m * n))
        blind = math.sqrt((m + n + 1) / (12 * m * n))
        chance = math.erfc((auc - 0.5) / blind / math.sqrt(2)) / 2
        return cls(auc, auc - Z * error, auc + Z * error, chance, m + n, shadow_models)

    def exceeds(self, most: float) -> bool:
        """Return whether the AUC is above `most` and not by chance."""
        return self.auc > most and self.chance < ALARM


def distance_membership(
    train: TableForm, control: TableForm, synthetic: TableForm, attacks: int = 5000, seed: int = 0
) -> Membership:
    """Return the result of the attack that takes people near a synthetic row for members (Yeom et al. 2018)."""
    made = synthetic.sample(MOST_SYNTHETIC, seed)
    names = list(train.columns)
    rows = min(attacks, train.rows, control.rows)
    members, others = (-nearest(form.sample(rows, seed), made, names)[0] for form in (train, control))
    return Membership.of(members.astype(np.float64), others.astype(np.float64))


def shadow_membership(
    train: TableForm, control: TableForm, synthetic: TableForm, refit: Refit, models: int = 4, attacks: int = 5000,
    seed: int = 0,
) -> Membership:  # fmt: skip
    """Return the result of the attack with shadow models.

    The attacker knows half of the control people. Each shadow model is fitted to a random half of them, so that he
    knows its members. A logistic regression learns members from ranks of three features: distance to the nearest
    synthetic row, and how much more common the person's values are in the synthetic rows than among those he knows, for
    pairs and for triples of columns. It is then used on people who were learned from and on the other half of control.
    """
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(seed)
    order = random.permutation(control.rows)
    known, others = control.take(order[: control.rows // 2]), control.take(order[control.rows // 2 :])
    features, labels = [], []
    for number in range(models):
        halves = random.permutation(known.rows)
        members, rest = known.take(halves[: known.rows // 2]), known.take(halves[known.rows // 2 :])
        made = refit(members, seed + number)
        features.append(_features([members, rest], made, known, seed))
        labels.append(np.repeat([1, 0], [members.rows, rest.rows]))
    attacker = LogisticRegression().fit(np.concatenate(features), np.concatenate(labels))
    rows = min(attacks, train.rows, others.rows)
    found = _features([train.sample(rows, seed), others.sample(rows, seed)], synthetic, known, seed)
    score = attacker.decision_function(found)
    return Membership.of(score[:rows], score[rows:], models)


def _features(people: Sequence[TableForm], synthetic: TableForm, known: TableForm, seed: int) -> Scores:
    """Return the rank, from 0 to 1, of each person among all in each feature."""
    made = synthetic.sample(MOST_SYNTHETIC, seed)
    names = list(made.columns)
    far = np.concatenate([nearest(form, made, names)[0] for form in people]).astype(np.float64)
    columns = [-far, *(commonness(people, made, known, size, seed) for size in (2, 3) if size <= len(names))]
    return np.stack([np.argsort(np.argsort(one)) / max(1, len(one) - 1) for one in columns], 1)


def commonness(people: Sequence[TableForm], synthetic: TableForm, known: TableForm, size: int, seed: int = 0) -> Scores:
    """Return the mean over marginals of log p(values | synthetic) / p(values | known), as DOMIAS (van Breugel 2023)."""
    names = list(synthetic.columns)
    marginals = list(combinations(names, size))
    if len(marginals) > _MOST_MARGINALS:
        chosen = np.random.default_rng(seed).choice(len(marginals), _MOST_MARGINALS, replace=False)
        marginals = [marginals[index] for index in chosen]
    total = np.zeros(sum(form.rows for form in people))
    for marginal in marginals:
        keys = row_keys([*(form.codes for form in people), synthetic.codes, known.codes], marginal)
        cells = max(int(key.max(initial=0)) for key in keys) + 1
        asked = np.concatenate(keys[:-2])
        more, usual = ((np.bincount(key, minlength=cells) + 0.5) / (len(key) + 0.5 * cells) for key in keys[-2:])
        total += np.log(more[asked] / usual[asked])
    return total / max(1, len(marginals))

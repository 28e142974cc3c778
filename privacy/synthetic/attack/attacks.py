"""Singling-out, linkability and inference attacks on a synthetic table (Giomi et al. 2023).

Each takes `train` (rows that were learned from), `control` (rows of people of the same kind that were not) and the
synthetic rows. An attacker sees the synthetic rows only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from privacy.synthetic.attack.nearest import nearest, nearest_in_both
from privacy.synthetic.attack.risk import Risk
from privacy.synthetic.spread import Codes
from privacy.synthetic.table_form import TableForm, row_keys

MOST_SYNTHETIC = 20_000
"""Synthetic rows that an attack searches."""
_SUBSETS = 50


def singling_out(
    train: TableForm, control: TableForm, synthetic: TableForm, attacks: int = 5000, seed: int = 0, columns: int = 4
) -> Risk:
    """Return the risk that values which only one synthetic row has in some columns belong to exactly one real person.

    Train and control have the same number of rows here, since in a larger table fewer values single out a person.
    """
    random = np.random.default_rng(seed)
    rows = min(train.rows, control.rows)
    people, others = train.sample(rows, seed), control.sample(rows, seed)
    names = list(train.columns)
    found, found_control, naive, done = 0, 0, 0, 0
    tried: set[frozenset[str]] = set()
    for number in range(_SUBSETS):
        chosen = [names[index] for index in random.choice(len(names), min(columns, len(names)), replace=False)]
        if frozenset(chosen) in tried:
            # The same values again would be no further attack, and would make the interval too narrow.
            continue
        tried.add(frozenset(chosen))
        shuffled = {name: random.permutation(synthetic.codes[name]) for name in chosen}
        keys = row_keys([people.codes, others.codes, synthetic.codes, shuffled], chosen)
        counts = [np.bincount(one, minlength=max(int(part.max(initial=0)) for part in keys) + 1) for one in keys]
        alone = np.flatnonzero(counts[2] == 1)
        picked = random.permutation(alone)[: -(-(attacks - done) // (_SUBSETS - number))]
        done += len(picked)
        found += int((counts[0][picked] == 1).sum())
        found_control += int((counts[1][picked] == 1).sum())
        guesses = keys[3][random.integers(synthetic.rows, size=len(picked))]
        naive += int((counts[0][guesses] == 1).sum())
    return Risk.of("singling out", done, found, done, found_control, naive)


def linkability(
    train: TableForm, control: TableForm, synthetic: TableForm, attacks: int = 5000, seed: int = 0,
    halves: tuple[Sequence[str], Sequence[str]] | None = None,
) -> Risk:  # fmt: skip
    """Return the risk that synthetic rows link what two parties know about one person.

    A link succeeds if exactly one synthetic row is nearest to the person both in the columns of one party and in those
    of the other. `halves` None: every second column.
    """
    made = synthetic.sample(MOST_SYNTHETIC, seed)
    names = list(train.columns)
    first, second = halves or (names[::2], names[1::2])

    def links(form: TableForm) -> tuple[int, int]:
        some = form.sample(attacks, seed)
        return int((nearest_in_both(some, made, first, second) == 1).sum()), some.rows

    found, tried = links(train)
    found_control, tried_control = links(control)
    # A party that guesses a synthetic row is right by chance only.
    return Risk.of("linkability", tried, found, tried_control, found_control, round(tried / made.rows))


def inference(
    train: TableForm, control: TableForm, synthetic: TableForm, attacks: int = 5000, seed: int = 0, secret: str = ""
) -> Risk:
    """Return the risk that the nearest synthetic row, in all other columns, tells a person's `secret`."""
    others = [name for name in train.columns if name != secret]
    made = synthetic.sample(MOST_SYNTHETIC, seed)
    guesses: Codes = made.codes[secret]

    def hits(form: TableForm) -> tuple[int, int]:
        some = form.sample(attacks, seed)
        near = nearest(some, made, others)[1]
        return int((guesses[near] == some.codes[secret]).sum()), some.rows

    found, tried = hits(train)
    found_control, tried_control = hits(control)
    drawn = np.random.default_rng(seed).choice(guesses, tried)
    naive = int((drawn == train.sample(attacks, seed).codes[secret]).sum())
    return Risk.of(f"inference of {secret}", tried, found, tried_control, found_control, naive)
